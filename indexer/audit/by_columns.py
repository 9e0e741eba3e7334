"""The hardest negatives of anchors among very many rows, whose vectors stay where they are: a mapped file, say.

`neighbours` holds a sorted copy of all vectors and compares with all of them at once. Here a block of anchors meets the rows in blocks,
too, and keeps the nearest and the sums behind the shares of the gradient, so that memory does not grow with the number of rows. No labels
are looked at. Sums over all negatives are carried along relative to the nearest so far; an objective of hardness β > 0 wants them twice:
which negatives are repelled at all follows from a mean over all.
"""

# N rows, B anchors of a block, C rows of a block, M candidates, K hardest negatives, D dimension

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.indexer.audit.comparison import NearPairs, Neighbourhood
from samekind.indexer.audit.greatest import greatest
from samekind.indexer.search.ann.rescoring import ranked
from samekind.training.diagnostics.gradient_weights import GradientWeights
from samekind.training.runtime.blas_threads import one_blas_thread
from samekind.training.runtime.side_by_side import side_by_side

_ANCHORS, _ROWS = 128, 1 << 14
_SPARE, _MOST_TIES = 8, 1024
_SLACK = 1e-5  # more than float32 can be wrong by
_Floats = NDArray[np.float32]
_Found = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def neighbourhood_by_columns(
    vectors_ND: _Floats,
    anchor_A: NDArray[np.int64],
    k: int,
    weights: GradientWeights | None,
    progress: Progress | None = None,
) -> Neighbourhood:
    """Compares anchors with all other rows: `neighbourhood`, without classes and near pairs.

    Args:
        vectors_ND: `(N, D)` of unit norm; read block by block.
        anchor_A: `(A,)` rows that are anchors.
        k: hardest negatives wanted, 1 ≤ k ≤ N − 1.
        weights: of the objective; `None` leaves shares out.
        progress: shows a bar.
    """
    blocks = [anchor_A[start : start + _ANCHORS] for start in range(0, len(anchor_A), _ANCHORS)]
    found = list[_Found]()
    with one_blas_thread(), (progress or NoProgress()).task("Comparing anchors", len(anchor_A)) as task:
        for one in side_by_side(partial(_compared, vectors_ND, k, weights), blocks):
            found.append(one)
            task.advance(len(one[0]))
    row_AK, similarity_AK, share_AK = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Neighbourhood(row_AK, similarity_AK, share_AK, np.full(len(anchor_A), np.nan), NearPairs())


def _compared(vectors_ND: _Floats, k: int, weights: GradientWeights | None, anchor_B: NDArray[np.int64]) -> _Found:
    """Hardest negatives `(B, K)` of a block of anchors, their similarities in float64 and their shares; NaN without weights."""
    most = len(vectors_ND) - 1
    sums = None if weights is None else _Sums(weights, len(anchor_B))
    top_BM, row_BM = _nearest(vectors_ND, anchor_B, min(k + _SPARE, most), sums)
    row_BK, exact_BK = _ranked(vectors_ND, anchor_B, row_BM, k)
    if row_BM.shape[1] < most:  # some were left out: may one of them belong to the first k?
        close = np.flatnonzero(top_BM[:, k - 1] - top_BM[:, -1] <= _SLACK)
        if len(close):
            _, wide_BM = _nearest(vectors_ND, anchor_B[close], min(k + _MOST_TIES, most), None)
            row_BK[close], exact_BK[close] = _ranked(vectors_ND, anchor_B[close], wide_BM, k)
    if sums is None:
        return row_BK, exact_BK, np.full_like(exact_BK, np.nan)
    if sums.weights.beta:
        for _, similarity_BC in _similarities(vectors_ND, anchor_B):
            sums.add_again(similarity_BC)
    return row_BK, exact_BK, sums.shares(exact_BK)


def _nearest(
    vectors_ND: _Floats, anchor_B: NDArray[np.int64], count: int, sums: _Sums | None
) -> tuple[_Floats, NDArray[np.int64]]:
    """`(B, M)` similarities of the nearest rows in float32, falling, and these rows."""
    top_BM, row_BM = torch.empty(len(anchor_B), 0), torch.empty((len(anchor_B), 0), dtype=torch.int64)
    for start, similarity_BC in _similarities(vectors_ND, anchor_B):
        value_BM, column_BM = greatest(torch.from_numpy(similarity_BC), min(count, similarity_BC.shape[1]))
        value_BX, row_BX = torch.cat([top_BM, value_BM], dim=1), torch.cat([row_BM, column_BM + start], dim=1)
        top_BM, place_BM = value_BX.topk(min(count, value_BX.shape[1]), dim=1)
        row_BM = row_BX.gather(1, place_BM)
        if sums is not None:
            sums.add(similarity_BC, top_BM[:, :1].numpy())
    return top_BM.numpy(), row_BM.numpy()


def _similarities(vectors_ND: _Floats, anchor_B: NDArray[np.int64]) -> Iterator[tuple[int, _Floats]]:
    """First row and similarities `(B, C)` of each block of rows, −∞ for an anchor itself; the next one overwrites them.

    Rows of a mapped file do not lie where numbers of four bytes should, and a product would make an aligned copy of whatever it is given.
    """
    anchor_BD, aligned_CD = vectors_ND[anchor_B], np.empty((_ROWS, vectors_ND.shape[1]), np.float32)
    block_BC = np.empty((len(anchor_B), _ROWS), np.float32)
    for start in range(0, len(vectors_ND), _ROWS):
        count = min(_ROWS, len(vectors_ND) - start)
        aligned_CD[:count] = vectors_ND[start : start + count]
        similarity_BC = block_BC if count == _ROWS else np.empty((len(anchor_B), count), np.float32)
        np.matmul(anchor_BD, aligned_CD[:count].T, out=similarity_BC)
        own = np.flatnonzero((anchor_B >= start) & (anchor_B < start + count))
        similarity_BC[own, anchor_B[own] - start] = -np.inf
        yield start, similarity_BC


def _ranked(
    vectors_ND: _Floats, anchor_B: NDArray[np.int64], row_BM: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    exact_BK, row_BK = ranked(vectors_ND[anchor_B], vectors_ND.__getitem__, row_BM, k)
    return row_BK, exact_BK


class _Sums:
    """Sums of gradient weights over all negatives of a block of anchors, met block by block; see `GradientWeights`.

    Args:
        weights: of the objective.
        anchors: of the block.
    """

    def __init__(self, weights: GradientWeights, anchors: int) -> None:
        self.weights = weights
        self._hardest_B1 = np.full((anchors, 1), -np.inf, np.float32)
        self._w_B, self._we_B, self._all_B = (np.zeros(anchors) for _ in range(3))

    def add(self, similarity_BC: _Floats, hardest_B1: _Floats) -> None:
        """Adds a block of negatives, whose similarities are overwritten; `hardest_B1` is the greatest of them and of those before."""
        beta = self.weights.beta
        shift_B = np.exp((self._hardest_B1 - hardest_B1)[:, 0].astype(np.float64) / self.weights.temperature)
        self._hardest_B1 = hardest_B1.copy()
        w_BC, e_BC = self._weights(similarity_BC)
        if w_BC is None:
            self._we_B = self._we_B * shift_B + e_BC.sum(1)
            return
        self._w_B = self._w_B * shift_B**beta + w_BC.sum(1)
        self._we_B = self._we_B * shift_B ** (1 + beta) + np.vecdot(w_BC, e_BC)

    def add_again(self, similarity_BC: _Floats) -> None:
        """Adds a block of negatives for the second time, where β > 0: all have been added once."""
        w_BC, e_BC = self._weights(similarity_BC)
        assert w_BC is not None
        above_BC = np.maximum(np.float32(1 + self.weights.beta) * e_BC - self._offset_B1(), 0)
        self._all_B += np.vecdot(w_BC, above_BC)

    def shares(self, similarity_BK: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(B, K)` shares of the gradient of some negatives."""
        beta = self.weights.beta
        mean_B1 = (self._we_B / self._w_B)[:, None].astype(np.float32) if beta else None
        weight_BK = self.weights.weights_of(similarity_BK, self._hardest_B1.astype(np.float64), mean_B1)
        return np.asarray(weight_BK / (self._all_B if beta else self._we_B)[:, None])

    def _weights(self, similarity_BC: _Floats) -> tuple[_Floats | None, _Floats]:
        """w, `None` where it is 1, and e, relative to the hardest."""
        scaled_BC = np.subtract(similarity_BC, self._hardest_B1, out=similarity_BC)
        scaled_BC /= np.float32(self.weights.temperature)
        beta = self.weights.beta
        other_BC = np.exp(scaled_BC * np.float32(beta)) if beta not in (0, 1) else None
        e_BC = np.exp(scaled_BC, out=scaled_BC)
        return (other_BC if other_BC is not None else e_BC if beta else None), e_BC

    def _offset_B1(self) -> _Floats:
        return np.asarray(self.weights.beta * (self._we_B / self._w_B)[:, None], dtype=np.float32)
