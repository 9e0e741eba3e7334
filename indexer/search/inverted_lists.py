"""An approximate index: inverted lists that are trained on a sample, and tuned until they find enough of what exact search finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.unit_vectors import Float32, Rows, check_unit

ANN_RECALL = 0.95
"""Overlap with exact search among the first 10 other rows that an approximate index must reach on a sample of its own rows."""
_RECALL_AT = 10
_RECALL_SAMPLE = 256
_TRAIN_ROWS_A_LIST = 64
_MAPPED_AT_ONCE = 1 << 14


def build_lists(batches: Callable[[], Iterable[Float32]], dim: int, rows: int) -> tuple[Any, float]:
    """Builds an index of inverted lists; returns it with the recall that it reaches.

    Args:
        batches: gives the vectors in table order, `(n, D)` float32 each; asked several times.
        dim: dimension D.
        rows: number of vectors.

    Raises:
        InputError: a vector is not finite or not of unit norm.
    """
    lists = max(1, round(4 * rows**0.5))
    index = faiss.index_factory(dim, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(_at(batches(), _sample(rows, _TRAIN_ROWS_A_LIST * lists)))
    add_unit_vectors(index, batches())
    index.make_direct_map()
    return index, tune_lists(index, batches, rows)


def map_lists(index: Any, apply: Callable[[Float32], Float32]) -> Any:
    """The same lists in another space, each with the mean of its mapped vectors as centroid; `nprobe` stays, recall is yet to be measured.

    Neighbours mostly stay neighbours under a gentle map, so the lists are kept: to train them again would take minutes where this takes
    seconds.

    Args:
        index: inverted lists of unit vectors.
        apply: gives unit vectors `(n, D)` for unit vectors `(n, D)`.
    """
    centroid_LD = apply(index.quantizer.reconstruct_n(0, index.nlist))
    lists = faiss.ArrayInvertedLists(index.nlist, index.code_size)
    for numbers in _together([index.invlists.list_size(number) for number in range(index.nlist)]):
        listed = [_listed(index, number) for number in numbers]
        mapped_ND = apply(index.reconstruct_batch(np.concatenate(listed)))
        ends = np.cumsum([len(row_N) for row_N in listed])[:-1]
        for number, row_N, vectors_ND in zip(numbers, listed, np.split(mapped_ND, ends), strict=True):
            if len(row_N):
                lists.add_entries(number, len(row_N), faiss.swig_ptr(row_N), faiss.swig_ptr(vectors_ND.view(np.uint8)))
                centroid_LD[number] = _centre(vectors_ND, centroid_LD[number])
    quantizer = faiss.IndexFlatIP(index.d)
    quantizer.add(centroid_LD)
    mapped = faiss.IndexIVFFlat(quantizer, index.d, index.nlist, faiss.METRIC_INNER_PRODUCT)
    mapped.replace_invlists(lists)
    mapped.own_fields = mapped.own_invlists = True
    quantizer.this.disown()
    lists.this.disown()
    mapped.ntotal, mapped.nprobe = index.ntotal, index.nprobe
    mapped.make_direct_map()
    return mapped


def _together(sizes: list[int]) -> Iterator[list[int]]:
    """List numbers in runs of some thousand vectors: products of small matrices are slow."""
    run, held = list[int](), 0
    for number, size in enumerate(sizes):
        run.append(number)
        held += size
        if held >= _MAPPED_AT_ONCE or number == len(sizes) - 1:
            if held:
                yield run
            run, held = [], 0


def _listed(index: Any, number: int) -> Rows:
    """The rows of one list."""
    size = index.invlists.list_size(number)
    rows: Rows = faiss.rev_swig_ptr(index.invlists.get_ids(number), size).copy() if size else np.empty(0, np.int64)
    return rows


def _centre(vectors_ND: Float32, otherwise_D: Float32) -> Float32:
    """The mean as a unit vector."""
    mean_D = vectors_ND.mean(axis=0, dtype=np.float64)
    norm = np.linalg.norm(mean_D)
    return np.asarray(mean_D / norm, dtype=np.float32) if norm > 0 else otherwise_D


def add_unit_vectors(index: Any, batches: Iterable[Float32]) -> None:
    """Adds vectors to a FAISS index.

    Raises:
        InputError: one is not finite or not of unit norm.
    """
    for batch in batches:
        check_unit(batch, "the table")
        index.add(np.ascontiguousarray(batch))


def _sample(rows: int, size: int) -> Rows:
    """A seeded choice of row numbers, ascending; all if there are fewer."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:size])


def _at(batches: Iterable[Float32], chosen: Rows) -> Float32:
    """The vectors of some rows, ascending."""
    parts, start = [], 0
    for batch in batches:
        first, last = np.searchsorted(chosen, [start, start + len(batch)])
        parts.append(batch[chosen[first:last] - start])
        start += len(batch)
    return np.ascontiguousarray(np.concatenate(parts))


def tune_lists(index: Any, batches: Callable[[], Iterable[Float32]], rows: int, nprobe: int = 8) -> float:
    """Doubles `nprobe`, from a first one on, until recall suffices; returns the recall reached.

    The queries are rows of the index. Each finds itself for certain, so its own row counts neither as found nor as to be found.
    """
    own = _sample(rows, _RECALL_SAMPLE)
    query, width = _at(batches(), own), _RECALL_AT + 1
    exact = faiss.IndexFlatIP(index.d)
    nearest: list[tuple[Float32, Rows]] = []
    start = 0
    for batch in batches():  # exact neighbours block by block: the whole need not fit twice
        exact.reset()
        exact.add(np.ascontiguousarray(batch))
        similarity, row = exact.search(query, min(width, len(batch)))
        nearest.append((similarity, row + start))
        start += len(batch)
    similarity_QM = np.concatenate([s for s, _ in nearest], axis=1)
    row_QM = np.concatenate([r for _, r in nearest], axis=1)
    truth = _others(np.take_along_axis(row_QM, np.argsort(-similarity_QM, axis=1, kind="stable"), axis=1), own)
    recall, index.nprobe = 0.0, nprobe
    while True:
        found = _others(index.search(query, width)[1], own)
        recall = float(np.mean([len(a & b) / len(b) for a, b in zip(found, truth, strict=True)]))
        if recall >= ANN_RECALL or index.nprobe >= index.nlist:
            return recall
        index.nprobe = min(2 * index.nprobe, index.nlist)


def _others(row_QM: Rows, own_Q: Rows) -> list[set[int]]:
    """The first 10 rows that each query found beside its own."""
    return [set(row[(row != own) & (row >= 0)][:_RECALL_AT].tolist()) for row, own in zip(row_QM, own_Q, strict=True)]
