"""Every kind of index that may be chosen: against brute force, deterministic, and readable as plain FAISS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.indexer.search.ann.factories import (
    build_factory,
    candidates,
    default_factory,
    factory_of,
    parameters_of,
    reserve,
)
from samekind.indexer.search.ann.recall import reach
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.vector_index import VectorIndex
from tests import oracles

ROWS, DIM = 1600, 16


def _vectors(dim: int = DIM, rows: int = ROWS) -> NDArray[np.float32]:
    random = np.random.default_rng(0)
    centre = random.normal(size=(40, dim))
    points = centre[random.integers(0, 40, rows)] + 0.5 * random.normal(size=(rows, dim))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)


@pytest.mark.parametrize("name", candidates(DIM, ROWS))
def test_a_kind_finds_enough_with_exact_values_and_gives_its_vectors_back(name: str, tmp_path: Path) -> None:
    """From its file, too; two builds are the same file; filters and more hits than its lists hold are exact."""
    vectors = _vectors()
    built = VectorIndex.build_kind(lambda: iter(np.split(vectors, 4)), DIM, ROWS, name)
    assert built.kind == name
    assert built.ann_recall >= 0.99
    built.save(tmp_path / "a.faiss")
    VectorIndex.build_kind(lambda: [vectors], DIM, ROWS, name).save(tmp_path / "b.faiss")
    assert (tmp_path / "a.faiss").read_bytes() == (tmp_path / "b.faiss").read_bytes()
    assert (tmp_path / "a.faiss").stat().st_size == built.file_bytes
    index = VectorIndex.load(tmp_path / "a.faiss", built.ann_recall)
    assert (index.kind, index.parameters) == (name, built.parameters)
    np.testing.assert_array_equal(index.vectors(), vectors)
    np.testing.assert_array_equal(index.vectors(np.array([7, 3])), vectors[[7, 3]])
    queries = _vectors(rows=ROWS + 50)[ROWS:]
    similarity, rows = index.search_batch(queries, 10)
    overlap = []
    for query, values, found in zip(queries, similarity, rows, strict=True):
        np.testing.assert_allclose(values, vectors[found].astype(np.float64) @ query, atol=1e-12)
        overlap.append(len(set(found.tolist()) & set(oracles.nearest(vectors, query, 10)[0])) / 10)
    assert np.mean(overlap) >= 0.97
    everything = index.search_batch(queries[:2], ROWS)[1]
    assert everything[0].tolist() == oracles.nearest(vectors, queries[0], ROWS)[0]
    some = np.arange(0, ROWS, 9)
    assert (
        index.search_batch(queries[:1], 8, some)[1][0].tolist()
        == oracles.nearest(vectors, queries[0], 8, some.tolist())[0]
    )
    plain = faiss.read_index(str(tmp_path / "a.faiss"))
    assert plain.search(vectors[:1], 1)[1][0, 0] == 0


def test_codes_that_tell_neighbours_apart_badly_are_no_reason_to_look_into_more_lists() -> None:
    """A thousand rows a cluster, a list a cluster: two lists hold the truth, and the right ones of them come out of many candidates."""
    random, rows, dim = np.random.default_rng(0), 20_000, 16
    centre = random.normal(size=(20, dim))
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    points = centre[random.integers(0, 20, rows)] + 0.5 / dim**0.5 * random.normal(size=(rows, dim))
    vectors = np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)
    index = VectorIndex.build_kind(lambda: [vectors], dim, rows, "IVF20,PQ8x4fs,RFlat")
    assert index.ann_recall >= 0.99
    assert index.parameters["nprobe"] <= 4
    assert index.parameters["k_factor_rf"] >= 32


def test_what_codes_hide_for_good_is_no_reason_to_look_into_all_lists() -> None:
    """Four lists bring what is wanted, and none brings the somewhat more that is asked of lists first."""
    index = build_factory("IVF40,PQ8x4fs,RFlat", lambda: [_vectors()], DIM, ROWS)

    class Hidden:
        def recall(self, search: object) -> float:
            found = parameters_of(index)
            return 0.992 if found["nprobe"] >= 4 and found["k_factor_rf"] >= 8 else 0.9

    nothing = np.empty((0, 0)), np.empty((0, 0), np.int64)
    assert reach(index, Hidden(), lambda queries, k: nothing, 0.99) == 0.992  # type: ignore[arg-type]
    assert parameters_of(index) == {"nprobe": 4, "k_factor_rf": 8}


@pytest.mark.parametrize("name", ["IVF40,PQ8x4fs,RFlat", "IVF40,RaBitQfs,RFlat"])
def test_lists_of_codes_are_kept_as_lists_of_vectors(name: str, tmp_path: Path) -> None:
    """In a space that is turned: the rows are where they were, moved ones too, enough is found, and the file is plain FAISS."""
    vectors = _vectors()
    built = VectorIndex.build_kind(lambda: [vectors], DIM, ROWS, name)
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(DIM, DIM)))[0].astype(np.float32)
    mapped = built.mapped(lambda block_ND: block_ND @ turn)
    mapped.move(np.array([3, 1500]), -(vectors[[3, 1500]] @ turn))
    mapped.tune()
    expected = vectors @ turn
    expected[[3, 1500]] *= -1
    assert mapped.kind == "IVF40,Flat"
    assert mapped.ann_recall >= 0.99
    np.testing.assert_allclose(mapped.vectors(), expected, atol=1e-6)
    mapped.save(tmp_path / "a.faiss")
    plain = faiss.read_index(str(tmp_path / "a.faiss"))
    assert plain.search(expected[[3, 700]], 1)[1].ravel().tolist() == [3, 700]
    again = VectorIndex.load(tmp_path / "a.faiss", 1.0).mapped(lambda block_ND: block_ND @ turn.T)
    again.tune()
    np.testing.assert_allclose(
        np.delete(again.vectors(), [3, 1500], axis=0), np.delete(vectors, [3, 1500], axis=0), atol=1e-5
    )


@pytest.mark.parametrize("dim", [1, 7, 12, 15])
def test_any_dimension_has_a_kind(dim: int) -> None:
    """Primes too, whose vectors cannot be cut into pairs of dimensions."""
    vectors = _vectors(dim, 300)
    for name in (default_factory(dim, 300), *candidates(dim, 300)):
        assert factory_of(build_factory(name, lambda: [vectors], dim, 300)) == name


@pytest.mark.parametrize("name", ["Flat", "SQ8,RFlat"])
def test_whole_vectors_have_their_room_beforehand(name: str) -> None:
    """They do not move as rows come, so there is never a second copy of them; and the room is not taken for rows."""
    vectors = _vectors()
    index = faiss.index_factory(DIM, name, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    reserve(index, ROWS)
    whole = faiss.downcast_index(index.refine_index) if isinstance(index, faiss.IndexRefine) else index
    assert (index.ntotal, whole.codes.size()) == (0, 0)
    places = []
    for part in np.split(vectors, 4):
        index.add(part)
        places.append(int(whole.codes.data()))
    assert len(set(places)) == 1
    np.testing.assert_array_equal(whole.reconstruct_n(0, ROWS), vectors)
