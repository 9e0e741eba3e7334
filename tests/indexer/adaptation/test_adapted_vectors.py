"""The vectors that an adapted index is searched by: the map, the pull, and inverted lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import samekind as sk
from samekind.indexer.adaptation.adapt import AnsweredSpace
from samekind.indexer.search import vector_index
from samekind.indexer.search.leaning import leaning_index
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.layout import INDEX_FILE


def leant(index: sk.Index) -> NDArray[np.float32]:
    """The encoder's vectors as the adaptation lets them lean."""
    assert index.adaptation is not None
    assert index.adaptation.neighbours > 0
    return leaning_index(index.vector_index, index.adaptation.neighbours, index.adaptation.lean).vectors()


def test_it_is_the_map_and_then_the_pull(folder: Path) -> None:
    """Vector by vector, from the definition: of images in groups, and of all others by how probably they belong to each."""
    index = sk.Index.open(folder)
    index.adapt()
    adaptation = index.adaptation
    assert adaptation is not None
    assert adaptation.slope > 0
    mapped = leant(index).astype(np.float64) @ adaptation.map_DD
    mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
    numbers = [adaptation.groups.get(sha256) for sha256 in index.rows.column("sha256")]
    means = [
        np.mean([mapped[i] for i, own in enumerate(numbers) if own == g], axis=0)
        for g in range(max(adaptation.groups.values()) + 1)
    ]
    centres = np.array([mean / np.linalg.norm(mean) for mean in means])
    for row, number in enumerate(numbers):
        odds = [np.exp(adaptation.slope * (mapped[row] @ centre - adaptation.threshold)) for centre in centres]
        shares = [odd / (1 + sum(odds)) for odd in odds] if number is None else np.eye(len(centres))[number]
        pull = 0.7 if number is not None else adaptation.pull
        pulled = (1 - sum(shares) * pull) * mapped[row] + sum(
            share * pull * c for share, c in zip(shares, centres, strict=True)
        )
        np.testing.assert_allclose(index.adapted_vectors()[row], pulled / np.linalg.norm(pulled), atol=2e-6)


def test_how_far_it_pulls_follows_from_what_the_groups_cover() -> None:
    """Three groups of twelve tight clusters: a quarter of the images belong to one, and the rest to none."""
    random = np.random.default_rng(0)
    vectors = np.repeat(np.eye(12), 20, axis=0) + 0.1 * random.normal(size=(240, 12))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    space = AnsweredSpace(VectorIndex.build(lambda: [vectors], 12, len(vectors)))
    groups = [np.arange(8) + start for start in (0, 20, 40)]
    fitted = space.pulling(space.fit(groups, [np.arange(60, 240, 4)] * 3))
    cosine = fitted.mapped(vectors).astype(np.float64) @ fitted.centre_GD.T
    odds = np.exp(fitted.slope * (cosine - fitted.threshold))
    assert fitted.pull == pytest.approx(np.mean(odds.max(axis=1) / (1 + odds.sum(axis=1))), rel=1e-5)
    assert fitted.pull == pytest.approx(0.25, abs=0.05)
    assert fitted.own_pull == 0.7


def test_an_index_is_pulled_that_far(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And keeps it."""
    monkeypatch.setattr("samekind.indexer.adaptation.adapt.pull_at", lambda covered: covered / 8)
    index = sk.Index.open(folder)
    index.adapt()
    assert index.adaptation is not None
    assert 0 < index.adaptation.pull < 0.125
    assert index.adaptation.own_pull == 0.7


def test_a_query_from_outside_lies_where_the_same_image_of_the_index_would(folder: Path) -> None:
    """It is pulled as far as it belongs, in however many parts that is computed."""
    index = sk.Index.open(folder)
    index.adapt()
    adaptation = index.adaptation
    assert adaptation is not None
    open_rows = np.array(
        [row for row, sha256 in enumerate(index.rows.column("sha256")) if sha256 not in adaptation.groups]
    )
    leaning = leant(index)[open_rows]
    np.testing.assert_array_equal(adaptation(leaning), index.adapted_vectors(open_rows))
    assert not np.allclose(adaptation(leaning), adaptation.mapped(leaning), atol=0.01)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samekind.training.answers.pulling._MOST_AT_ONCE", 20)
        np.testing.assert_allclose(adaptation(leaning), index.adapted_vectors(open_rows), atol=1e-6)
    for row in open_rows[:5]:
        (hit,) = index.search(index.vectors(np.array([row]))[0], 1)
        assert (hit.id, hit.similarity) == (index.ids[row], pytest.approx(1, abs=1e-6))


def test_inverted_lists_keep_their_recall(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists are kept and not trained again, of whole vectors; what they find is measured as when they are built."""
    monkeypatch.setattr(vector_index, "EXACT_LIMIT", 100)
    index = sk.Index.open(folder)
    rebuilt = VectorIndex.build(lambda: [index.vectors()], index.dim, len(index), 100)
    sk.adapt(folder)
    adaptation = sk.Index.open(folder).adaptation
    assert adaptation is not None
    mapped = rebuilt.mapped(adaptation)
    mapped.tune()
    assert (rebuilt.kind, mapped.kind) == ("IVF15,PQ6x4fs,RFlat", "IVF15,Flat")
    assert mapped.ann_recall >= 0.99
    np.testing.assert_array_equal(mapped.vectors(), adaptation(index.vectors()))
    mapped.save(folder / INDEX_FILE)
    loaded = VectorIndex.load(folder / INDEX_FILE, mapped.ann_recall)
    query = adaptation(index.vectors(np.arange(5)))
    exact = VectorIndex.build(lambda: [mapped.vectors()], index.dim, len(index))
    found = [rows[:1].tolist() for _, rows in loaded.search(query, 5)]
    assert found == [rows[:1].tolist() for _, rows in exact.search(query, 5)]


@pytest.mark.parametrize("limit", [100, 1000])
def test_rows_can_be_moved(folder: Path, limit: int) -> None:
    """In an exact index and in inverted lists: they are found where they are now, and the others where they were."""
    index = sk.Index.open(folder)
    before = index.vectors()
    built = VectorIndex.build(lambda: [before], index.dim, len(index), limit).mapped(lambda vectors_ND: vectors_ND)
    rows = np.array([2, 50, 199])
    built.move(rows, -before[rows])
    built.move(np.array([], dtype=np.int64), before[:0])
    built.tune()
    expected = before.copy()
    expected[rows] *= -1
    np.testing.assert_array_equal(built.vectors(), expected)
    assert [found[:1].tolist() for _, found in built.search(-before[rows], 3)] == [[2], [50], [199]]
    assert len(built) == len(index)
