"""The vectors that an adapted index is searched by: the map, the pull, how far groups reach, and inverted lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.indexer.building.adapted import reached_rows
from samekind.indexer.search import inverted_lists, vector_index
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.layout import INDEX_FILE


def test_it_is_the_map_and_then_the_pull(folder: Path) -> None:
    """Vector by vector, from the definition: also of the images that a group reaches without an answer."""
    index = sk.Index.open(folder)
    index.adapt()
    adaptation = index.adaptation
    assert adaptation is not None
    mapped = index.vectors().astype(np.float64) @ adaptation.map_DD
    mapped /= np.linalg.norm(mapped, axis=1, keepdims=True)
    similarity = mapped @ mapped.T
    np.fill_diagonal(similarity, -2)
    numbers = [adaptation.groups.get(sha256) for sha256 in index.rows.column("sha256")]
    expected, reached = mapped.copy(), 0
    for row, number in enumerate(numbers):
        named = [
            numbers[member]
            for member in range(len(numbers))
            if numbers[member] is not None and row in np.argsort(-similarity[member])[:10]
        ]
        votes = {group: named.count(group) / 5 for group in named}
        group, share = number, 1.0
        if number is None and votes:
            most = max(votes.values())
            if list(votes.values()).count(most) > 1:
                expected[row] = np.nan  # whichever
                continue
            group, share = max(votes, key=lambda each: votes[each]), most / max(1, sum(votes.values()))
            reached += 1
        if group is not None:
            members = [member for member, of_member in enumerate(numbers) if of_member == group]
            centre = mapped[members].mean(axis=0)
            pulled = (1 - share / 2) * mapped[row] + share / 2 * centre / np.linalg.norm(centre)
            expected[row] = pulled / np.linalg.norm(pulled)
    there = ~np.isnan(expected).any(axis=1)
    assert there.mean() > 0.8
    assert reached > 50
    np.testing.assert_allclose(index.adapted_vectors()[there], expected[there], atol=2e-6)


def test_inverted_lists_keep_their_recall(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lists are mapped and not trained again; what they find is measured as when they are built."""
    monkeypatch.setattr(vector_index, "EXACT_LIMIT", 100)
    index = sk.Index.open(folder)
    rebuilt = VectorIndex.build(lambda: [index.vectors()], index.dim, len(index), 100)
    sk.adapt(folder)
    adaptation = sk.Index.open(folder).adaptation
    assert adaptation is not None
    mapped = rebuilt.mapped(adaptation)
    mapped.tune()
    assert mapped.kind == rebuilt.kind != "Flat"
    assert mapped.ann_recall >= inverted_lists.ANN_RECALL
    np.testing.assert_array_equal(mapped.vectors(), adaptation(index.vectors()))
    mapped.save(folder / INDEX_FILE)
    loaded = VectorIndex.load(folder / INDEX_FILE, mapped.ann_recall)
    query = adaptation(index.vectors(np.arange(5)))
    exact = VectorIndex.build(lambda: [mapped.vectors()], index.dim, len(index))
    found = [rows[:1].tolist() for _, rows in loaded.search(query, 5)]
    assert found == [rows[:1].tolist() for _, rows in exact.search(query, 5)]


def test_groups_reach_what_is_next_to_them_and_no_further() -> None:
    """Closed form: a line of images 1° apart, of which the first seven are a group, and a group of two at its other end."""
    angle = np.radians([*range(20), *range(60, 75), 170, 171])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    group_N = np.full(len(angle), -1)
    group_N[:7], group_N[-2:] = 0, 1
    space = VectorIndex.build(lambda: [vectors], 2, len(vectors))
    found_N, share_N = reached_rows(space, group_N)
    # Row 7 is among the 10 nearest of all seven (with six others and 8, 9, 10), row 10 of them too; row 16 is the tenth of row 6.
    near = [set(np.argsort(-(vectors @ vectors[member]))[1:11].tolist()) for member in range(7)]
    votes = [sum(row in others for others in near) for row in range(20)]
    expected = [1.0 if row < 7 else min(1.0, votes[row] / 5) for row in range(20)]
    assert share_N[:20].tolist() == pytest.approx(expected)
    assert found_N[:20].tolist() == [0 if share > 0 else -1 for share in expected]
    assert min(expected) == 0 < sorted(set(expected))[1] < 1
    assert (found_N[20:25] == -1).all()
    assert found_N[-3] == 1
    np.testing.assert_array_equal(group_N[7:-2], -1)


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
