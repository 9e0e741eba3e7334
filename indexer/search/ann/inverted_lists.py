"""Inverted lists of whole vectors: mapped to another space, and looked into until enough of what exact search finds is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.unit_vectors import Float32, Rows, check_unit
from samekind.training.runtime.side_by_side import side_by_side

ANN_RECALL = 0.95
"""Overlap with exact search among the first 10 other rows that an approximate index must reach on a sample of its own rows."""
_RECALL_AT = 10
_RECALL_SAMPLE = 256
_AT_ONCE = 1 << 11


def map_lists(index: Any, apply: Callable[[Float32], Float32]) -> Any:
    """The same lists in another space, each with the mean of its mapped vectors as centroid; `nprobe` stays, recall is yet to be measured.

    Neighbours mostly stay neighbours under a gentle map, so the lists are kept: to train them again would take minutes where this takes
    seconds.

    Args:
        index: inverted lists of unit vectors.
        apply: gives unit vectors `(n, D)` for unit vectors `(n, D)`; called by several threads at once.
    """
    centroid_LD = apply(index.quantizer.reconstruct_n(0, index.nlist))
    lists = faiss.ArrayInvertedLists(index.nlist, index.code_size)

    def mapped_run(run: list[int]) -> tuple[list[int], Float32]:
        return run, apply(_listed(index, run))

    for run, mapped_ND in side_by_side(mapped_run, _together(index)):
        ends = np.cumsum([index.invlists.list_size(number) for number in run])[:-1]
        for number, vectors_ND in zip(run, np.split(mapped_ND, ends), strict=True):
            if len(vectors_ND):
                ids = index.invlists.get_ids(number)
                lists.add_entries(number, len(vectors_ND), ids, faiss.swig_ptr(vectors_ND.view(np.uint8)))
                centroid_LD[number] = _centre(vectors_ND, centroid_LD[number])
    return _assembled(lists, centroid_LD, index.ntotal, index.nprobe)


def listed_rows(index: Any) -> list[Rows]:
    """The rows of each list of an index that searches codes in lists and scores the best again; none for any other."""
    if not isinstance(index, faiss.IndexRefine):
        return []
    inner = faiss.downcast_index(index.base_index)
    if not isinstance(inner, faiss.IndexIVF):
        return []
    sizes = [inner.invlists.list_size(number) for number in range(inner.nlist)]
    return [
        faiss.rev_swig_ptr(inner.invlists.get_ids(number), size).copy() if size else np.empty(0, np.int64)
        for number, size in enumerate(sizes)
    ]


def in_lists(vectors_ND: Float32, listed: list[Rows], moved: Rows, recall: float) -> tuple[Any, float]:
    """Inverted lists of whole vectors, and the recall that they reach.

    Args:
        vectors_ND: unit vectors in table order.
        listed: the rows of each list; all rows together.
        moved: rows that may belong to other lists by now.
        recall: wanted.
    """
    dim = vectors_ND.shape[1]
    lists, centroid_LD = faiss.ArrayInvertedLists(len(listed), 4 * dim), np.zeros((len(listed), dim), np.float32)

    def gathered(number: int) -> tuple[int, Float32]:
        return number, vectors_ND[listed[number]]

    for number, some_ND in side_by_side(gathered, range(len(listed))):
        if len(some_ND):
            ids = faiss.swig_ptr(listed[number])
            lists.add_entries(number, len(some_ND), ids, faiss.swig_ptr(some_ND.view(np.uint8)))
            centroid_LD[number] = _centre(some_ND, some_ND[0])
    made = _assembled(lists, centroid_LD, len(vectors_ND), 1)
    if len(moved):
        made.update_vectors(np.ascontiguousarray(moved), np.ascontiguousarray(vectors_ND[moved]))
    return made, tune_lists(made, 1, recall)


def _assembled(lists: Any, centroid_LD: Float32, rows: int, nprobe: int) -> Any:
    """An index of lists that are filled already."""
    lists_count, dim = centroid_LD.shape
    quantizer = faiss.IndexFlatIP(dim)
    quantizer.add(centroid_LD)
    made = faiss.IndexIVFFlat(quantizer, dim, lists_count, faiss.METRIC_INNER_PRODUCT)
    made.replace_invlists(lists)
    made.own_fields = made.own_invlists = True
    quantizer.this.disown()
    lists.this.disown()
    made.ntotal, made.nprobe = rows, nprobe
    made.make_direct_map()
    return made


def _together(index: Any) -> Iterator[list[int]]:
    """List numbers in runs of about two thousand vectors: products of small matrices are slow."""
    run, held = list[int](), 0
    for number in range(index.nlist):
        run.append(number)
        held += index.invlists.list_size(number)
        if held >= _AT_ONCE or number == index.nlist - 1:
            if held:
                yield run
            run, held = [], 0


def _listed(index: Any, run: list[int]) -> Float32:
    """The vectors of some lists, copied from where they lie: asked for by their rows, each would be looked up, by threads of FAISS' own."""
    held = [number for number in run if index.invlists.list_size(number)]
    stored = [
        faiss.rev_swig_ptr(index.invlists.get_codes(number), index.invlists.list_size(number) * index.code_size)
        for number in held
    ]
    return np.concatenate(stored).view(np.float32).reshape(-1, index.d)


def _rows(index: Any, run: list[int]) -> Rows:
    """The rows of some lists."""
    held = [number for number in run if index.invlists.list_size(number)]
    return np.concatenate(
        [faiss.rev_swig_ptr(index.invlists.get_ids(number), index.invlists.list_size(number)) for number in held]
    )


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


def sampled_rows(rows: int, size: int) -> Rows:
    """A seeded choice of row numbers, ascending; all if there are fewer."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:size])


def rows_at(batches: Iterable[Float32], chosen: Rows) -> Float32:
    """The vectors of some rows, ascending."""
    parts, start = [], 0
    for batch in batches:
        first, last = np.searchsorted(chosen, [start, start + len(batch)])
        parts.append(batch[chosen[first:last] - start])
        start += len(batch)
    return np.ascontiguousarray(np.concatenate(parts))


def tune_lists(index: Any, nprobe: int = 8, recall: float | None = None) -> float:
    """Doubles `nprobe`, from a first one on, until recall suffices; returns the recall reached.

    A neighbour is found if its list is looked into, so no search is needed to tell: only who the exact neighbours are, and how many lists
    are nearer to the query than theirs. The queries are rows of the index. Each finds itself for certain, so its own row counts neither as
    found nor as to be found.
    """
    own = sampled_rows(index.ntotal, _RECALL_SAMPLE)
    query_QD = index.reconstruct_batch(own)
    needed_QK = _lists_needed(index, query_QD, _list_of_neighbours(index, query_QD, own))
    index.nprobe = nprobe
    while True:
        reached = float(np.mean(needed_QK <= index.nprobe))
        if reached >= (ANN_RECALL if recall is None else recall) or index.nprobe >= index.nlist:
            return reached
        index.nprobe = min(2 * index.nprobe, index.nlist)


def _list_of_neighbours(index: Any, query_QD: Float32, own_Q: Rows) -> Rows:
    """`(Q, K)` the list of each of the 10 rows that are nearest to a query, its own left out; of equally near ones, the first rows."""
    import torch  # not at the top: a search needs none of this

    query = torch.from_numpy(query_QD)

    def nearest(run: list[int]) -> tuple[Float32, Rows, Rows]:
        row_N, list_N = _rows(index, run), np.repeat(run, [index.invlists.list_size(number) for number in run])
        similarity_QN = query @ torch.from_numpy(_listed(index, run)).T
        value_QK, place_QK = similarity_QN.topk(min(_RECALL_AT + 1, len(row_N)), dim=1)
        return value_QK.numpy(), row_N[place_QK.numpy()], list_N[place_QK.numpy()]

    queries, none = len(own_Q), np.empty((len(own_Q), 0), np.int64)
    value_QK, row_QK, list_QK = np.empty((queries, 0), np.float32), none, none
    for value_QN, row_QN, list_QN in side_by_side(nearest, _together(index)):
        value_QM = np.concatenate([value_QK, value_QN], axis=1)
        row_QM, list_QM = np.concatenate([row_QK, row_QN], axis=1), np.concatenate([list_QK, list_QN], axis=1)
        value_QM[row_QM == own_Q[:, None]] = -np.inf
        best_QK = np.lexsort((row_QM, -value_QM))[:, : min(_RECALL_AT, index.ntotal - 1)]
        value_QK, row_QK, list_QK = (np.take_along_axis(each, best_QK, axis=1) for each in (value_QM, row_QM, list_QM))
    return list_QK


def _lists_needed(index: Any, query_QD: Float32, list_QK: Rows) -> NDArray[np.int32]:
    """`(Q, K)` into how many lists a search has to look until it comes to some lists."""
    number_QL = index.quantizer.search(query_QD, index.nlist)[1]
    place_QL = np.empty(number_QL.shape, np.int32)
    np.put_along_axis(place_QL, number_QL, np.arange(1, index.nlist + 1, dtype=np.int32)[None], axis=1)
    return np.take_along_axis(place_QL, list_QK, axis=1)
