"""Many queries at once: the same as one by one, without a Python object a hit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from samekind.core.errors import InputError
from samekind.indexer.index import Index
from samekind.indexer.search import hits
from samekind.indexer.search.ann.rescoring import nearest_of, ranked
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.hits import Hit
from samekind.indexer.search.results import SearchResult
from samekind.indexer.search.vector_index import VectorIndex


def _many(index: Index, queries: Any, k: int) -> list[SearchResult]:
    found = index.search(queries, k=k)
    assert isinstance(found, list)
    return found


def test_vectors_find_as_arrays_what_a_search_finds(index: Index) -> None:
    """Positions and cosines, bit for bit."""
    queries = np.random.default_rng(0).normal(size=(23, index.dim))
    similarity, rows = index.search_vectors(queries, k=7)
    assert similarity.shape == rows.shape == (23, 7)
    for values, found, result in zip(similarity, rows, _many(index, queries, 7), strict=True):
        assert [index.ids[row] for row in found] == [hit.id for hit in result]
        assert values.tolist() == [hit.similarity for hit in result]
    assert index.search_vectors(queries, k=100)[1].shape == (23, len(index))
    assert index.search_vectors(queries[:0], k=3)[1].shape == (0, 3)


@pytest.mark.parametrize("vectors", [np.ones(8), np.ones((2, 8), np.uint8), np.ones((2, 3)), np.zeros((2, 8))])
def test_what_are_no_vectors_of_the_index_is_refused(index: Index, vectors: Any) -> None:
    """One dimension too few, no floats, another dimension, zero."""
    with pytest.raises(InputError):
        index.search_vectors(vectors)


def test_hits_are_made_when_they_are_looked_at(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch makes none by itself; what is stored of a result has its hits and not the whole index."""
    made: list[int] = []
    plain = hits.Hit

    def counted(*values: Any) -> Hit:
        made.append(values[0])
        return plain(*values)

    monkeypatch.setattr(hits, "Hit", counted)
    first, second = _many(index, [index.ids[0], index.ids[1]], 5)
    assert (len(first), made) == (5, [])
    assert len(second.hits) == len(made) == 5
    monkeypatch.undo()
    stored = pickle.loads(pickle.dumps(first))
    assert stored.hits == first.hits
    assert stored.found._rows is None


@pytest.mark.parametrize("dim", [3, 64, 129, 9001])
def test_equal_rows_have_equal_cosines_wherever_they_stand(dim: int) -> None:
    """In any block of queries, at any place among the candidates, and alone among many rows."""
    random = np.random.default_rng(dim)
    vectors = random.normal(size=(40, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[1::2] = vectors[::2]
    queries = vectors[random.integers(0, 40, 6)][:, ::-1].copy()
    row_QK = np.stack([random.permutation(40) for _ in queries])
    similarity, rows = ranked(queries, lambda some: vectors[some], row_QK, 40)
    for query, values, found in zip(queries, similarity, rows, strict=True):
        by_row = dict(zip(found.tolist(), values.tolist(), strict=True))
        assert all(by_row[row] == by_row[row + 1] for row in range(0, 40, 2))
        together = nearest_of(query, lambda some: vectors[some], np.arange(40), 40)
        assert [each.tolist() for each in together] == [values.tolist(), found.tolist()]
        for row, value in by_row.items():
            assert nearest_of(query, lambda some: vectors[some], np.array([row]), 1)[0][0] == value


def test_ties_are_widened_for_the_queries_that_have_them() -> None:
    """A hundred rows that float32 takes for equal are ordered by float64, also where other queries of the batch have none such."""
    random = np.random.default_rng(1)
    vectors = random.normal(size=(300, 16)).astype(np.float32)
    vectors[100:200] = 0.0
    vectors[100:200, 0] = 1.0
    vectors[100:200, 1] = np.arange(100) * 1e-12
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = np.zeros(16, dtype=np.float32)
    query[:2] = np.sqrt(0.5)
    index = VectorIndex.build(lambda: [vectors], 16, 300)
    _, rows = index.search_batch(np.stack([vectors[5], query, vectors[250]]), 20)
    assert rows[1].tolist() == list(range(199, 179, -1))
    assert rows[[0, 2], 0].tolist() == [5, 250]


@pytest.mark.parametrize(
    "options", [{}, {"k": 100}, {"min_similarity": 0.2}, {"where": "split = 'test'"}, {"diversity": 0.5}]
)
def test_an_array_finds_what_its_vectors_find(index: Index, options: dict[str, Any]) -> None:
    """Hits, notes and numbers of a batch, whose vectors are asked for in one go, are those of a list of vectors; so with none left out."""
    queries = np.random.default_rng(1).normal(size=(6, index.dim))
    options = {"k": 5, **options}
    for exclude_self in (False, True):
        together: Any = index.search(queries, exclude_self=exclude_self, **options)
        one_by_one: Any = index.search(list(queries), exclude_self=exclude_self, **options)
        assert [(each.k, each.hits, each.note) for each in together] == [
            (each.k, each.hits, each.note) for each in one_by_one
        ]
    assert index.search(queries[:0], **options) == []


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("factor", [1, 2, 5])
def test_a_reranked_index_looks_at_as_many_candidates_as_its_factor_says(k: int, factor: int) -> None:
    """The best of the first k × factor by codes, and of no more for the few that are scored again in float64; at least of those."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(3000, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    space = VectorIndex.build_kind(lambda: [vectors], 8, 3000, "IVF4,PQ4x4fs,RFlat", 0.0)
    space.set_parameters({"nprobe": 4, "k_factor_rf": factor})
    queries = vectors[:40]
    similarity, rows = space.search_batch(queries, k)
    candidates = faiss.downcast_index(space._index.base_index).search(queries, max(k * factor, k + 4))[1]
    for query, among, values, found in zip(queries, candidates, similarity, rows, strict=True):
        cosine, best = nearest_of(query, space.vectors, np.sort(among), k)
        assert found.tolist() == best.tolist()
        assert values.tolist() == cosine.tolist()
