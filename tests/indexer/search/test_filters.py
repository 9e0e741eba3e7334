"""Filters, range search and diverse hits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samekind.core.errors import InputError
from samekind.indexer.index import Index, build_index
from samekind.indexer.search import results
from samekind.indexer.search.narrowing.diversity import candidates, diverse
from samekind.indexer.storage.table import ImageTable
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder

ROOT = Path(__file__).parents[3]
BAGS_IN_TEST = "label = 'Bag' AND split = 'test'"


def rebuild(folder: Path) -> None:
    """Everything anew, with another encoder."""
    save_encoder(FakeEncoder(seed=5), folder)
    build_index(arrays_corpus(30, seed=4), FakeEncoder(seed=5), folder)


def test_a_filter_gives_k_hits_if_k_rows_match(index: Index) -> None:
    """It comes before the search and not after it: the four bags in `test` are brute force's, though they are far from the query."""
    labels, splits = index.labels, index.splits
    assert labels is not None
    rows = [i for i in range(60) if labels[i] == "Bag" and splits[i] == "test"]
    query = index.ids[1]
    similarity = index.vectors().astype(np.float64) @ index.vectors()[1]
    found = index.search(query, k=len(rows), where=BAGS_IN_TEST)
    assert [hit.id for hit in found] == [index.ids[i] for i in sorted(rows, key=lambda i: -similarity[i])]
    assert found.note is None


def test_conditions_are_remembered(index: Index) -> None:
    """The second time, neither the table nor anything else is asked; the rows cannot be written to."""
    opened = Index.open(index.path)
    first = opened.positions_where(BAGS_IN_TEST), opened.positions_where("width > 1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ImageTable, "ids_where", lambda *_: pytest.fail("asked again"))
        assert opened.positions_where(BAGS_IN_TEST) is first[0]
        assert opened.positions_where("width > 1") is first[1]
    with pytest.raises(ValueError, match="read-only"):
        first[0][0] = 0


def test_a_filter_does_not_fail_after_another_process_has_rebuilt_the_index(artefact: Path) -> None:
    """The table of the opened index is gone: the rows that it holds are asked, and say the same."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    ids, _ = index.ids, index.vectors()
    code = "import sys, pathlib, tests.indexer.search.test_filters as t; t.rebuild(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(artefact)], cwd=ROOT, check=True)
    assert [ids[row] for row in index.positions_where("label = 'Bag'")] == ids[::3]
    assert {hit.label for hit in index.search(ids[8], k=5, where="label = 'Coat'")} == {"Coat"}
    with pytest.raises(InputError, match="cannot filter by"):
        index.positions_where("colour = 'red'")


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("lable = 'x'", "No field named lable."),
        ("thumb IS NULL", "No field named thumb."),
        ("thumbnail = 'x'", "Received literal Utf8"),
        ("vector = 3", "Received literal Int64"),
        ("label LIKE 3", "There isn't a common type"),
        ("label + 1 > 3", "Cannot coerce arithmetic"),
    ],
)
def test_an_error_names_the_columns_that_may_be_asked(index: Index, condition: str, reason: str) -> None:
    """Neither the columns that hold bytes and vectors, but where the visitor named them, nor a place in a library's source."""
    with pytest.raises(InputError) as caught:
        index.positions_where(condition)
    message = str(caught.value).removeprefix(f"cannot filter by {condition!r}: ")
    assert message.startswith(reason)
    assert "Valid fields" not in message
    assert ".rs:" not in message
    assert (
        caught.value.hint.startswith("SQL over id, uri, split, label, width, height, sha256, corpus, e.g.")
        or '"' in condition
    )


def test_a_filter_belongs_to_the_state_that_was_opened(artefact: Path) -> None:
    """After its own write an index asks again: what it remembers is of the rows before."""
    index = build_index(arrays_corpus(), FakeEncoder(), artefact)
    assert len(index.positions_where("label = 'Bag'")) == 20
    index.remove(index.ids[:3])
    assert len(index.positions_where("label = 'Bag'")) == 19


def test_a_range_search_finds_every_hit(index: Index) -> None:
    """Brute force's rows of at least that cosine, in its order, with a filter and the query's own image left out, too."""
    cosine = index.vectors().astype(np.float64) @ index.vectors()[4].astype(np.float64)
    similarity = np.clip(np.sort(cosine)[::-1], -1, 1)
    least = (similarity[24] + similarity[25]) / 2
    found = index.search(index.ids[4], k=None, min_similarity=least)
    np.testing.assert_allclose([hit.similarity for hit in found], similarity[:25], atol=1e-9)
    assert (found.k, found.note) == (25, None)
    assert [hit.id for hit in index.search(index.ids[4], k=None, min_similarity=least, exclude_self=True)] == [
        hit.id for hit in found.hits[1:]
    ]
    bags = index.search(index.ids[4], k=None, min_similarity=least, where="label = 'Bag'")
    assert [hit.id for hit in bags] == [hit.id for hit in found if hit.label == "Bag"]


def test_a_range_search_is_capped_and_told(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be more than the cap; where everything that matches fits, nothing is said."""
    monkeypatch.setattr(results, "MOST", 8)
    capped = index.search(index.ids[4], k=None, min_similarity=-1)
    assert len(capped) == capped.k == 8
    assert capped.note == "stopped at 8 hits of a similarity of at least -1: there may be more"
    few = index.search(index.ids[4], k=None, min_similarity=-1, where=BAGS_IN_TEST)
    assert (len(few), few.note) == (4, None)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"k": None}, "every hit of at least min_similarity"),
        ({"diversity": 1.5}, "diversity must lie in"),
        ({"diversity": float("nan")}, "diversity must lie in"),
        ({"diversity": True}, "diversity must lie in"),
    ],
)
def test_what_makes_no_sense_is_refused(index: Index, asked: dict[str, Any], message: str) -> None:
    """One line says what was expected."""
    with pytest.raises(InputError, match=message):
        index.search(index.ids[4], **asked)


def slow_mmr(similarity: list[float], pairwise: list[list[float]], k: int, diversity: float) -> list[int]:
    """Carbonell & Goldstein 1998, word by word, with λ = 1 − diversity."""
    chosen: list[int] = []
    while len(chosen) < min(k, len(similarity)):
        best, best_score = -1, -np.inf
        for i in range(len(similarity)):
            if i in chosen:
                continue
            redundancy = max((pairwise[i][j] for j in chosen), default=0.0)
            score = (1 - diversity) * similarity[i] - diversity * redundancy
            if not chosen:
                score = similarity[i]
            if score > best_score:
                best, best_score = i, score
        chosen.append(best)
    return chosen


@pytest.mark.parametrize("diversity", [0.0, 0.3, 0.7, 1.0])
def test_diverse_hits_are_those_of_the_slow_loop(diversity: float) -> None:
    """At 0 it is the order of similarity."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(30, 6))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    similarity = (vectors @ vectors[3]).astype(np.float64)
    chosen = diverse(similarity, vectors, 12, diversity)
    assert chosen.tolist() == slow_mmr(similarity.tolist(), (vectors @ vectors.T).tolist(), 12, diversity)
    if diversity == 0:
        assert chosen.tolist() == np.argsort(-similarity, kind="stable")[:12].tolist()


def test_a_diverse_search_chooses_among_the_nearest(index: Index) -> None:
    """The first hit is the nearest; the others are those of the slow loop among the candidates, and keep their similarity to the query."""
    query = index.ids[4]
    nearest = index.search(query, k=candidates(4))
    rows = [index.rows.position_of(hit.id) for hit in nearest]
    pairwise = index.vectors()[rows] @ index.vectors()[rows].T
    expected = slow_mmr([hit.similarity for hit in nearest], pairwise.tolist(), 4, 0.8)
    found = index.search(query, k=4, diversity=0.8)
    assert [hit.id for hit in found] == [nearest[i].id for i in expected]
    assert [hit.similarity for hit in found] == [nearest[i].similarity for i in expected]
    assert [hit.rank for hit in found] == [1, 2, 3, 4]
    assert expected != [0, 1, 2, 3]
    assert index.search(query, k=100, diversity=0.8).note == "the index holds 60 images: 60 hits instead of 100"
