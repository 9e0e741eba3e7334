"""Exact cosines of proposed rows, in float64 and in blocks: a batch of queries passes through NumPy, never row by row through Python.

Each product is a sum of its own, and not a part of a matrix product: equal rows then give equal values wherever they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.unit_vectors import Float32, Rows

# N rows, Q queries, D dimension, K rows of each query

Similarities = NDArray[np.float64]
_IN_CACHE = 1 << 16
"""Products of a block of queries: half a megabyte in float64 stays in the processor's cache."""
_RESCORE_VALUES = 1 << 23


def stored_vectors(index: Any) -> Float32 | None:
    """The vectors of a FAISS index in row order, `(N, D)` float32, where they lie; `None` if it has none such."""
    if isinstance(index, faiss.IndexRefine):
        return stored_vectors(faiss.downcast_index(index.refine_index))
    if isinstance(index, faiss.IndexHNSW):
        return stored_vectors(faiss.downcast_index(index.storage))
    if not isinstance(index, faiss.IndexFlat) or not index.ntotal:
        return None
    stored: Float32 = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
    return stored


def looked_further(index: Any, query_QD: Float32, width: int, times: int) -> Rows:
    """Proposals `(Q, width)` of an approximate index that looks into that many times the lists; one without lists compares every row."""
    lists = faiss.downcast_index(index.base_index) if isinstance(index, faiss.IndexRefine) else index
    found: tuple[Float32, Rows]
    if isinstance(lists, faiss.IndexIVF) and times * lists.nprobe < lists.nlist:
        found = lists.search(query_QD, width, params=faiss.SearchParametersIVF(nprobe=times * lists.nprobe))
    elif (stored_ND := stored_vectors(index)) is not None:
        return exact_rows(query_QD, stored_ND, width)
    else:
        found = lists.search(query_QD, width, params=faiss.SearchParametersIVF(nprobe=lists.nlist))
    return found[1]


def exact_rows(query_QD: Float32, vectors_ND: Float32, width: int) -> Rows:
    """The nearest rows of each query `(Q, width)`, of all of them; by float32, which may take others that are all but equally near."""
    found: tuple[Float32, Rows] = faiss.knn(query_QD, vectors_ND, width, metric=faiss.METRIC_INNER_PRODUCT)
    return found[1]


def ranked(query_QD: Float32, vectors: Callable[[Rows], Float32], row_QK: Rows, k: int) -> tuple[Similarities, Rows]:
    """The k most similar of the rows proposed for each query.

    Args:
        query_QD: `(Q, D)` float32 of unit norm.
        vectors: gives `(n, D)` float32 of unit norm for n rows.
        row_QK: `(Q, K)` proposed rows, distinct for each query; −1 for none.
        k: rows wanted of each, ≤ K.

    Returns:
        `(Q, k)` float64 cosines in [-1, 1], descending, −∞ for none, and `(Q, k)` rows; equal cosines in row order.
    """
    similarity_QK = np.empty(row_QK.shape)
    at_once = max(1, _IN_CACHE // max(1, row_QK.shape[1] * query_QD.shape[1]))
    for start in range(0, len(query_QD), at_once):
        part = slice(start, start + at_once)
        row_BK = row_QK[part]
        vector_BKD = vectors(np.maximum(row_BK, 0).ravel()).reshape(*row_BK.shape, -1)
        similarity_QK[part] = _products(vector_BKD, query_QD[part])
    np.clip(similarity_QK, -1.0, 1.0, out=similarity_QK)
    similarity_QK[row_QK < 0] = -np.inf
    order_Qk = np.lexsort((row_QK, -similarity_QK), axis=-1)[:, :k]
    return np.take_along_axis(similarity_QK, order_Qk, axis=1), np.take_along_axis(row_QK, order_Qk, axis=1)


def nearest_of(query_D: Float32, vectors: Callable[[Rows], Float32], rows: Rows, k: int) -> tuple[Similarities, Rows]:
    """The k most similar of many rows, for one query; as `ranked`."""
    step = max(1, _RESCORE_VALUES // len(query_D))
    parts = [_products(vectors(rows[i : i + step])[None], query_D[None])[0] for i in range(0, len(rows), step)]
    similarity = np.clip(np.concatenate(parts), -1.0, 1.0)
    order = np.lexsort((rows, -similarity))[:k]
    return similarity[order], rows[order]


def _products(vector_QKD: Float32, query_QD: Float32) -> Similarities:
    products: Similarities = np.vecdot(vector_QKD.astype(np.float64), query_QD.astype(np.float64)[:, None])
    return products
