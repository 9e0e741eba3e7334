"""Every anchor against every other row, once: its hardest negatives, the share of gradient that each row draws, and near duplicates.

# N rows, A anchors, B anchors of one block, K hardest negatives, D dimension

The similarities are made block by block in float32 and are gone with the block; memory stays at one `(B, N)` block whatever N is. As in
search, the candidates are then scored in float64, so that ranks do not depend on block size, threads or matrix kernels. Rows are held
sorted by class, so that "all rows of the anchor's class" is one slice and its weight one sum.

What runs over all similarities decides the time: NumPy multiplies and takes exponentials, torch sums and compares (docs/decisions/0047),
and each thread keeps its block, for fresh memory takes longer than the sums.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.core.progress import NoProgress, Progress
from samekind.data.types.same_class import same_class
from samekind.indexer.audit.comparison import CAP, Comparison, NearPairs, Neighbourhood
from samekind.indexer.audit.greatest import greatest
from samekind.training.diagnostics.figures import gradient_shares
from samekind.training.runtime.blas_threads import one_blas_thread
from samekind.training.runtime.side_by_side import side_by_side

Vectors = NDArray[np.float32] | Callable[[NDArray[np.int64]], NDArray[np.float32]]
_BLOCK_VALUES = 1 << 24
_LEAST_BLOCK = 32
"""Anchors of a block, of however many rows: all vectors pass through memory for each block, and for 16 that took a third longer."""
_SPARE = 8
_SLACK = 1e-5  # more than float32 can be wrong by
_MOST_TIES = 1024
_CACHED_VALUES = 1 << 18
"""Weights are worked out in parts of this many: several passes over 1 MB stay in the processor's cache."""


def neighbourhood(vectors_ND: Vectors, comparison: Comparison, progress: Progress | None = None) -> Neighbourhood:
    """Compares anchors with all other rows.

    Args:
        vectors_ND: `(N, D)` float32 of unit norm, or what gives those of some rows: then they are in memory once, in the order needed here.
        comparison: anchors, and what is wanted of them.
        progress: shows a bar.
    """
    work, anchors = _Pass(vectors_ND, comparison), len(comparison.anchor_A)
    with one_blas_thread(), (progress or NoProgress()).task("Comparing anchors", anchors) as task:
        for compared, near in side_by_side(work.compare, range(0, anchors, work.block)):
            work.result.near = work.result.near.joined(near)
            task.advance(compared)
    return work.result


class _Pass:
    """State of one pass. Everything named `sorted` is in the order of classes."""

    def __init__(self, vectors_ND: Vectors, comparison: Comparison) -> None:
        class_N, anchor_A, content_N = comparison.class_N, comparison.anchor_A, comparison.content_N
        rows = len(class_N)
        self.k, self.gradient_weights, self.near_from = comparison.k, comparison.gradient_weights, comparison.near
        self.sets = comparison.sets
        self.row_of_sorted = torch.from_numpy(np.argsort(class_N, kind="stable"))
        self.sorted_of_row = torch.empty_like(self.row_of_sorted)
        self.sorted_of_row[self.row_of_sorted] = torch.arange(rows)
        order = self.row_of_sorted.numpy()
        self.vector_sorted = vectors_ND(order) if callable(vectors_ND) else vectors_ND[order]
        self._kept = threading.local()
        self.class_sorted = class_N[order]
        self.content_sorted = torch.from_numpy(np.arange(rows) if content_N is None else content_N)[self.row_of_sorted]
        self.is_anchor_sorted = torch.zeros(rows, dtype=torch.bool)
        self.is_anchor_sorted[self.sorted_of_row[torch.from_numpy(anchor_A)]] = True
        # Anchors in the order of classes too: a block then meets few classes.
        self.place = np.argsort(self.sorted_of_row.numpy()[anchor_A])
        self.anchor_sorted = self.sorted_of_row[torch.from_numpy(anchor_A[self.place])]
        self.block = int(np.clip(_BLOCK_VALUES // rows, _LEAST_BLOCK, 1024))
        shape = (len(anchor_A), self.k)
        empty = np.full(shape, np.nan)
        self.result = Neighbourhood(
            np.empty(shape, np.int64), empty.copy(), empty, np.full(len(anchor_A), np.nan), NearPairs()
        )

    def compare(self, start: int) -> tuple[int, NearPairs]:
        """A block of anchors from `start` on, in the order of classes: how many they are, and their near pairs.

        What it finds else it writes into the result, where each anchor has a place of its own: blocks may be compared at once.
        """
        stop = min(start + self.block, len(self.anchor_sorted))
        anchors = self.anchor_sorted[start:stop]
        similarity_BN = torch.from_numpy(self._similarities(anchors))
        similarity_BN[torch.arange(len(anchors)), anchors] = -torch.inf
        top_BM, column_BM = greatest(similarity_BN, min(self.k + _SPARE, similarity_BN.shape[1] - 1))
        row_BK, exact_BK = self._rank(anchors, similarity_BN, top_BM, column_BM)
        place = self.place[start:stop]
        self.result.row_AK[place], self.result.similarity_AK[place] = row_BK, exact_BK
        near = self._near_pairs(anchors, similarity_BN, top_BM[:, 0])
        if self.gradient_weights is not None:
            work = self._shares if self.sets is None else self._shares_by_sets
            work(place, anchors, similarity_BN, top_BM[:, :1], exact_BK)
        return stop - start, near

    def _similarities(self, anchors: Tensor) -> NDArray[np.float32]:
        """`(B, N)`, in memory that the thread's next block overwrites."""
        rows = len(self.vector_sorted)
        if not hasattr(self._kept, "block"):
            self._kept.block = np.empty((self.block, rows), np.float32)
        block: NDArray[np.float32] = self._kept.block[: len(anchors)]
        return np.matmul(self.vector_sorted[anchors.numpy()], self.vector_sorted.T, out=block)

    def _rank(
        self, anchors: Tensor, similarity_BN: Tensor, top_BM: Tensor, column_BM: Tensor
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        exact_BM = self._exact(anchors, column_BM)
        row_BM = self.row_of_sorted[column_BM].numpy()
        order = np.lexsort((row_BM, -exact_BM), axis=-1)[:, : self.k]
        row_BK = np.take_along_axis(row_BM, order, axis=1)
        exact_BK = np.take_along_axis(exact_BM, order, axis=1)
        if top_BM.shape[1] < similarity_BN.shape[1] - 1:  # some were left out: may one of them belong to the first k?
            close = top_BM[:, self.k - 1] - top_BM[:, -1] <= _SLACK
            for i in torch.nonzero(close).flatten().tolist():
                row_BK[i], exact_BK[i] = self._rank_ties(anchors[i], similarity_BN[i], float(top_BM[i, self.k - 1]))
        return row_BK, exact_BK

    def _rank_ties(
        self, anchor: Tensor, similarity_N: Tensor, kth: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """One anchor with more rows of nearly the same similarity than there were candidates.

        Beyond 1,024 of them (a collapsed encoder) the first in table order are taken.
        """
        sure = torch.nonzero(similarity_N > kth + _SLACK).flatten()
        tied = torch.nonzero((similarity_N - kth).abs() <= _SLACK).flatten()
        tied = tied[self.row_of_sorted[tied].argsort()][: max(_MOST_TIES, self.k)]
        columns = torch.cat([sure, tied])
        exact = self._exact(anchor[None], columns[None])[0]
        rows = self.row_of_sorted[columns].numpy()
        order = np.lexsort((rows, -exact))[: self.k]
        return rows[order], exact[order]

    def _exact(self, anchors: Tensor, column_BM: Tensor) -> NDArray[np.float64]:
        """Similarities `(B, M)` in float64; a plain sum along each row, so that equal vectors give equal values."""
        vectors = torch.from_numpy(self.vector_sorted)
        anchor = vectors[anchors].double()[:, None]
        step = max(1, _CACHED_VALUES // (anchor.shape[-1] * len(anchors)))
        parts = [(vectors[part].double() * anchor).sum(-1) for part in column_BM.split(step, dim=1)]
        exact: NDArray[np.float64] = torch.cat(parts, dim=1).clamp_(-1, 1).numpy()
        return exact

    def _shares(
        self,
        place: NDArray[np.int64],
        anchors: Tensor,
        similarity_BN: Tensor,
        hardest_B1: Tensor,
        exact_BK: NDArray[np.float64],
    ) -> None:
        """Overwrites similarities."""
        assert self.gradient_weights is not None
        class_B, hardest = self.class_sorted[anchors.numpy()], hardest_B1.numpy()
        first_B = np.searchsorted(self.class_sorted, class_B)
        last_B = np.searchsorted(self.class_sorted, class_B, "right")
        unlabelled, step = int(np.searchsorted(self.class_sorted, 0)), max(1, _CACHED_VALUES // len(self.class_sorted))
        all_B, unknown_B, same_B = (np.zeros(len(class_B)) for _ in range(3))
        mean_B1 = np.zeros_like(hardest)
        starts = np.flatnonzero(np.diff(class_B, prepend=-2))
        for i in range(0, len(class_B), step):
            part = slice(i, min(i + step, len(class_B)))
            sums = self.gradient_weights.sums(similarity_BN[part].numpy(), hardest[part])
            all_B[part], mean_B1[part] = (
                sums.of(slice(None), slice(None)),
                0.0 if sums.mean_B1 is None else sums.mean_B1,
            )
            if unlabelled:
                unknown_B[part] = sums.of(slice(None), slice(unlabelled))
            inside = starts[(starts > part.start) & (starts < part.stop)].tolist()
            for a, b in pairwise([part.start, *inside, part.stop]):  # anchors of one class
                same_B[a:b] = sums.of(slice(a - i, b - i), slice(first_B[a], last_B[a]))
        weight_BK = self.gradient_weights.weights_of(exact_BK, hardest.astype(np.float64), mean_B1)
        self.result.share_AK[place] = weight_BK / all_B[:, None]
        mine = class_B >= 0
        self.result.false_share_A[place[mine]] = gradient_shares(same_B[mine], (all_B - unknown_B)[mine])

    def _shares_by_sets(
        self,
        place: NDArray[np.int64],
        anchors: Tensor,
        similarity_BN: Tensor,
        hardest_B1: Tensor,
        exact_BK: NDArray[np.float64],
    ) -> None:
        """The same where rows of the same class are no slice."""
        assert self.gradient_weights is not None
        assert self.sets is not None
        class_B = self.class_sorted[anchors.numpy()]
        weight_BN, mean_B1 = self.gradient_weights.weights(similarity_BN, hardest_B1)
        weight_BK = self.gradient_weights.weights_of(exact_BK, hardest_B1.double().numpy(), mean_B1)
        unlabelled = int(np.searchsorted(self.class_sorted, 0))
        unknown_B = weight_BN[:, :unlabelled].sum(1).double().numpy()
        known_B = weight_BN[:, unlabelled:].sum(1).double().numpy()
        self.result.share_AK[place] = weight_BK / (unknown_B + known_B)[:, None]
        same_BN = same_class(class_B[:, None], self.class_sorted[None, unlabelled:], self.sets)
        same = (weight_BN[:, unlabelled:] * torch.from_numpy(same_BN)).sum(1).double().numpy()
        mine = class_B >= 0
        self.result.false_share_A[place[mine]] = gradient_shares(same[mine], known_B[mine])

    def _near_pairs(self, anchors: Tensor, similarity_BN: Tensor, hardest_B: Tensor) -> NearPairs:
        near_rows = torch.nonzero(hardest_B >= self.near_from).flatten()
        if len(near_rows) == 0:
            return NearPairs()
        anchors, similarity = anchors[near_rows], similarity_BN[near_rows]
        anchor_row = self.row_of_sorted[anchors]
        is_pair = similarity >= self.near_from
        is_pair &= self.content_sorted[anchors][:, None] != self.content_sorted[None, :]
        # A pair of two anchors is met twice: count it where the anchor has the smaller row.
        is_pair &= (anchor_row[:, None] < self.row_of_sorted[None, :]) | ~self.is_anchor_sorted[None, :]
        found = int(is_pair.sum())
        if not found:
            return NearPairs()
        values, flat = similarity.masked_fill(~is_pair, -torch.inf).flatten().topk(min(found, CAP))
        a = anchor_row[flat // similarity.shape[1]]
        b = self.row_of_sorted[flat % similarity.shape[1]]
        low, high = torch.minimum(a, b).tolist(), torch.maximum(a, b).tolist()
        return NearPairs(found, list(zip(values.clamp(max=1).tolist(), low, high, strict=True)))
