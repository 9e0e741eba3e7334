"""Which FAISS index holds the vectors: FAISS' own names, building, and what can be turned afterwards.

Every kind keeps the float32 vectors, in row order or in its lists: cosines of what is found are exact, and the vectors can be read back.
Those with `RFlat` search codes of a few bytes in memory and score the best of them again by vectors that are mapped from the file and read
for these only. Training samples are seeded, and a graph is built by one thread: two builds of the same rows are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from samekind.indexer.search.ann.inverted_lists import add_unit_vectors, rows_at, sampled_rows
from samekind.indexer.search.faiss_library import faiss, faiss_threads
from samekind.indexer.search.unit_vectors import Float32

FLAT = "Flat"
TRAINING_ROWS = 1 << 17
"""Most rows that lists and codes are trained with."""
_MOST_K_FACTOR = 1000  # FAISS 1.15 writes a file with more, and refuses to read it
ROWS_A_LIST = 39
"""Fewest rows a list, FAISS' own rule: fewer make poor centres."""


def default_factory(dim: int, rows: int) -> str:
    """The kind for many rows: √N lists, codes of 4 bits for two dimensions each, and exact re-ranking (docs/decisions/0043)."""
    return f"IVF{_lists(rows)},PQ{_parts(dim, 2)}x4fs,RFlat"


def candidates(dim: int, rows: int) -> list[str]:
    """The kinds that are worth a try, quickest to build first.

    Args:
        dim: dimension D.
        rows: number of rows N.
    """
    fewer, more = _lists(rows), _lists(4 * rows)
    lists = list(dict.fromkeys([fewer, more] if more * ROWS_A_LIST <= rows else [fewer]))
    in_lists = [f"IVF{n},{codes}" for n in lists for codes in (f"PQ{_parts(dim, 2)}x4fs,RFlat", "RaBitQfs,RFlat")]
    shorter = [f"IVF{fewer},PQ{_parts(dim, 4)}x4fs,RFlat", f"IVF{fewer},Flat"]
    found = [FLAT, "SQ8,RFlat", f"PQ{_parts(dim, 2)}x4fs,RFlat", *in_lists, *shorter, "HNSW32,Flat"]
    return list(dict.fromkeys(found))


def build_factory(name: str, batches: Callable[[], Iterable[Float32]], dim: int, rows: int) -> Any:
    """Builds an index of a kind.

    Args:
        name: FAISS' name for it, one of `candidates` say.
        batches: gives the vectors in table order, `(n, D)` float32 each; asked twice.
        dim: dimension D.
        rows: number of vectors.

    Raises:
        InputError: a vector is not finite or not of unit norm.
    """
    index = faiss.index_factory(dim, name, faiss.METRIC_INNER_PRODUCT)
    _train_quietly(_inner(index))
    if not index.is_trained:
        index.train(rows_at(batches(), sampled_rows(rows, TRAINING_ROWS)))
    reserve(index, rows)
    graph = isinstance(index, faiss.IndexHNSW)  # depends on the threads, and on how many rows come at once
    with faiss_threads(1 if graph else None):
        add_unit_vectors(index, [np.concatenate(list(batches()))] if graph else batches())
    if isinstance(index, faiss.IndexIVF):
        index.make_direct_map()
    return index


def reserve(index: Any, rows: int) -> None:
    """Takes the room for the whole vectors of so many rows at once: as rows come, FAISS doubles it, and holds both while it copies."""
    whole = faiss.downcast_index(index.refine_index) if isinstance(index, faiss.IndexRefine) else index
    if isinstance(whole, faiss.IndexFlat):
        whole.codes.resize(rows * whole.code_size)
        whole.codes.clear()  # which keeps the room


def factory_of(index: Any) -> str:
    """FAISS' name for the kind of an index of `candidates`."""
    if isinstance(index, faiss.IndexRefine):
        return f"{factory_of(_inner(index))},RFlat"
    if isinstance(index, faiss.IndexHNSW):
        return f"HNSW{index.hnsw.nb_neighbors(1)},Flat"
    if isinstance(index, faiss.IndexPQFastScan):
        return f"PQ{index.M}x4fs"
    if isinstance(index, faiss.IndexScalarQuantizer):
        return "SQ8"
    if not isinstance(index, faiss.IndexIVF):
        return FLAT
    codes = {faiss.IndexIVFFlat: "Flat", faiss.IndexIVFRaBitQFastScan: "RaBitQfs"}.get(type(index))
    return f"IVF{index.nlist},{codes or f'PQ{index.M}x4fs'}"


def parameters_of(index: Any) -> dict[str, int]:
    """What can be turned after building, with its value, by FAISS' names; what widens a search first."""
    inner, found = _inner(index), {}
    if isinstance(inner, faiss.IndexIVF):
        found["nprobe"] = int(inner.nprobe)
    if isinstance(inner, faiss.IndexHNSW):
        found["efSearch"] = int(inner.hnsw.efSearch)
    if isinstance(index, faiss.IndexRefine):
        found["k_factor_rf"] = int(index.k_factor)
    return found


def set_parameters(index: Any, parameters: Mapping[str, int]) -> None:
    """Turns them."""
    for name, value in parameters.items():
        faiss.ParameterSpace().set_index_parameter(index, name, value)


def greatest(index: Any, name: str) -> int:
    """The value of a parameter beyond which nothing is gained, or beyond which FAISS reads no file."""
    if name == "k_factor_rf":
        return max(1, min(_MOST_K_FACTOR, int(index.ntotal)))
    return int(_inner(index).nlist) if name == "nprobe" else max(1, int(index.ntotal))


def memory_bytes(index: Any, file_bytes: int) -> int:
    """Bytes that a search goes through: the file, less the vectors that are only read for what is scored again."""
    mapped = 4 * int(index.d * index.ntotal) if isinstance(index, faiss.IndexRefine) else 0
    return file_bytes - mapped


def _inner(index: Any) -> Any:
    return faiss.downcast_index(index.base_index) if isinstance(index, faiss.IndexRefine) else index


def _train_quietly(index: Any) -> None:
    """Without a warning on the terminal where there are few rows a list, as in a test."""
    for owner in (index, getattr(index, "pq", None)):
        clustering = getattr(owner, "cp", None)
        if clustering is not None:
            clustering.min_points_per_centroid = 1


def _lists(rows: int) -> int:
    return max(1, round(math.sqrt(rows)))


def _parts(dim: int, each: int) -> int:
    """Number of equal parts of a vector, each of at least so many dimensions where the dimension allows it."""
    for size in range(each, 2 * each + 1):
        if dim % size == 0:
            return dim // size
    return dim
