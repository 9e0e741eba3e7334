"""The FAISS side: exact and approximate, saved and loaded, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.search.ann import inverted_lists
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.vector_index import VectorIndex
from tests import oracles

ROOT = Path(__file__).parents[3]


def _unit(count: int, dim: int = 16, seed: int = 0) -> NDArray[np.float32]:
    """Points in 20 clumps, of unit norm."""
    random = np.random.default_rng(seed)
    centre = np.random.default_rng(99).normal(size=(20, dim))
    points = centre[random.integers(0, 20, count)] + 0.4 * random.normal(size=(count, dim))
    return np.asarray(points / np.linalg.norm(points, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(params=[10_000, 5000], ids=["flat", "ivf"])
def built(request: pytest.FixtureRequest) -> tuple[VectorIndex, NDArray[np.float32]]:
    """8,000 rows, exact and approximate."""
    vectors = _unit(8000)
    return VectorIndex.build(lambda: iter(np.split(vectors, 4)), 16, 8000, exact_limit=request.param), vectors


def test_what_is_found_has_exact_values_in_order(built: tuple[VectorIndex, NDArray[np.float32]]) -> None:
    """An approximate index may miss rows, but never gets a value or the order wrong."""
    index, vectors = built
    overlap = []
    for query in _unit(30, seed=1):
        [(similarity, rows)] = index.search(query[None], 10)
        true_rows, true_values = oracles.nearest(vectors, query, 10)
        np.testing.assert_allclose(similarity, vectors[rows].astype(np.float64) @ query, atol=2e-7)
        assert (np.diff(similarity) <= 0).all()
        overlap.append(len(set(rows.tolist()) & set(true_rows)) / 10)
        if index.exact:
            assert rows.tolist() == true_rows
            np.testing.assert_allclose(similarity, true_values, atol=2e-7)
    assert np.mean(overlap) >= 0.9


def test_approximate_search_reaches_the_recall_that_it_claims(built: tuple[VectorIndex, NDArray[np.float32]]) -> None:
    """`ann_recall` is measured, and at least 0.95; that a row finds itself is no achievement."""
    index, vectors = built
    found = [rows[rows != i].tolist()[:10] for i, (_, rows) in enumerate(index.search(vectors[:200], 11))]
    truth = [
        [row for row in oracles.nearest(vectors, query, 11)[0] if row != i] for i, query in enumerate(vectors[:200])
    ]
    recall = np.mean([len(set(rows) & set(true)) / 10 for rows, true in zip(found, truth, strict=True)])
    assert index.ann_recall >= 0.95
    assert abs(recall - index.ann_recall) < 0.04


def test_a_subset_is_searched_exactly(built: tuple[VectorIndex, NDArray[np.float32]]) -> None:
    """Also by an approximate index, and also when the subset is smaller than k."""
    index, vectors = built
    allowed = np.arange(0, 8000, 637)
    for k in (1, 5, 100):
        [(similarity, rows)] = index.search(vectors[3:4], k, allowed)
        true_rows, true_values = oracles.nearest(vectors, vectors[3], k, allowed.tolist())
        assert rows.tolist() == true_rows
        np.testing.assert_allclose(similarity, true_values, atol=2e-7)


def test_saved_and_loaded_it_is_the_same(built: tuple[VectorIndex, NDArray[np.float32]], tmp_path: Path) -> None:
    """Vectors bit for bit, answers too, and no temporary file stays."""
    index, vectors = built
    index.save(tmp_path / "index.faiss")
    loaded = VectorIndex.load(tmp_path / "index.faiss", index.ann_recall)
    assert loaded.ann_recall == index.ann_recall
    assert [path.name for path in tmp_path.iterdir()] == ["index.faiss"]
    assert loaded.kind == index.kind
    np.testing.assert_array_equal(loaded.vectors(), vectors)
    np.testing.assert_array_equal(loaded.vectors(np.array([5, 3])), vectors[[5, 3]])
    for (a, b), (c, d) in zip(index.search(vectors[:5], 7), loaded.search(vectors[:5], 7), strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)


def test_k_hits_come_however_few_rows_the_lists_hold_that_were_looked_into(
    built: tuple[VectorIndex, NDArray[np.float32]],
) -> None:
    """All but a few rows asked for: an approximate index looks further instead of giving less."""
    index, vectors = built
    for k in (10, 7000, 8000, 9000):
        for similarity, rows in index.search(vectors[:2], k):
            assert len(rows) == len(set(rows.tolist())) == len(similarity) == min(k, 8000)
    if not index.exact:
        index.set_parameters({"nprobe": 1})
        [(_, rows)] = index.search(vectors[:1], 6000)
        assert rows.tolist() == oracles.nearest(vectors, vectors[0], 6000)[0]


def _searched_recall(index: Any, vectors: NDArray[np.float32], own: NDArray[np.int64]) -> float:
    """Share of the 10 nearest other rows that FAISS finds, by a search of them all."""
    found = [set(row[row != i][:10].tolist()) for i, row in zip(own, index.search(vectors[own], 11)[1], strict=True)]
    truth = [set([j for j in oracles.nearest(vectors, vectors[i], 11)[0] if j != i][:10]) for i in own]
    return float(np.mean([len(a & b) / len(b) for a, b in zip(found, truth, strict=True)]))


@pytest.mark.parametrize("rows", [5, 64, 2000])
def test_the_recall_that_is_told_by_lists_is_that_of_a_search(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many lists are looked into, and the query's own row left out."""
    vectors = _unit(rows)
    index = faiss.index_factory(16, f"IVF{min(rows, 64)},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    index.make_direct_map()
    monkeypatch.setattr(inverted_lists, "ANN_RECALL", 0.0)
    monkeypatch.setattr(inverted_lists, "_AT_ONCE", 100)
    own = inverted_lists.sampled_rows(rows, inverted_lists._RECALL_SAMPLE)
    for nprobe in (1, 2, 4, 16, 64):
        assert inverted_lists.tune_lists(index, nprobe) == pytest.approx(_searched_recall(index, vectors, own))
        assert index.nprobe == nprobe


def test_more_lists_are_looked_into_until_recall_suffices() -> None:
    """A list a row: one list looked into finds the query itself and nothing else, which is a recall of nothing."""
    vectors = _unit(64)
    index = faiss.index_factory(16, "IVF64,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(vectors)
    index.add(vectors)
    index.make_direct_map()
    assert inverted_lists.tune_lists(index, 1) == pytest.approx(_searched_recall(index, vectors, np.arange(64)))
    assert _searched_recall(index, vectors, np.arange(64)) >= inverted_lists.ANN_RECALL
    index.nprobe //= 2
    assert index.nprobe >= 8
    assert _searched_recall(index, vectors, np.arange(64)) < inverted_lists.ANN_RECALL


def test_without_faiss_the_error_names_the_extra_to_install() -> None:
    """One line and exit code 2 instead of a traceback."""
    code = (
        "import sys; sys.modules['faiss'] = None\n"
        "from samekind.core.errors import MissingDependencyError\n"
        "try: import samekind.indexer.search.vector_index\n"
        "except MissingDependencyError as error: print(error.hint)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "pip install 'samekind[cpu]'" in answer.stdout


def test_rows_that_float32_cannot_tell_apart_are_ordered_by_float64() -> None:
    """2,000 copies a few 1e-8 apart, more than any spare candidates: the first ones are still the right ones."""
    random = np.random.default_rng(5)
    vectors = _unit(1)[0] + 2e-8 * random.normal(size=(2000, 16))
    vectors = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)
    index = VectorIndex.build(lambda: [vectors], 16, 2000)
    for query in _unit(5, seed=6):
        assert index.search(query[None], 7)[0][1].tolist() == oracles.nearest(vectors, query, 7)[0]


def test_a_gpu_copy_answers_where_it_can_and_the_cpu_answers_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for the GPU: same answers; filters and k beyond 2,048, which GPUs cannot do, go to the CPU."""
    vectors, asked = _unit(3000), []

    class Gpu:
        def __init__(self, index: Any) -> None:
            self.index = index

        def search(self, query: NDArray[np.float32], width: int) -> Any:
            asked.append(width)
            return self.index.search(query, width)

    on_cpu = VectorIndex.build(lambda: [vectors], 16, 3000)
    monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1)
    monkeypatch.setattr(faiss, "index_cpu_to_all_gpus", Gpu, raising=False)
    on_gpu = VectorIndex.build(lambda: [vectors], 16, 3000)
    for k, rows in ((5, None), (2500, None), (5, np.arange(0, 3000, 7))):
        for (a, b), (c, d) in zip(
            on_cpu.search(vectors[:3], k, rows), on_gpu.search(vectors[:3], k, rows), strict=True
        ):
            np.testing.assert_array_equal(a, c)
            np.testing.assert_array_equal(b, d)
    assert asked == [9]


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 3.0])
def test_vectors_that_are_not_of_unit_norm_are_refused(value: float) -> None:
    """A diverged encoder must not become an index that answers nonsense."""
    vectors = _unit(20)
    vectors[7] = value
    with pytest.raises(InputError, match="1 of 20 vectors"):
        VectorIndex.build(lambda: [vectors], 16, 20)


def test_a_damaged_file_is_an_artefact_error(tmp_path: Path) -> None:
    """Not a traceback out of FAISS."""
    (tmp_path / "index.faiss").write_bytes(b"not an index")
    with pytest.raises(ArtefactError, match="cannot read"):
        VectorIndex.load(tmp_path / "index.faiss", 1.0)
