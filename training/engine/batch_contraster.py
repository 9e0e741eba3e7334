"""From the projections of a batch to its contrast: whole, or in blocks of anchors, of which the whole is one.

A step that works in blocks hands in projections without a graph, makes `projected` a leaf of its own, and afterwards takes the gradient
of its projections from `own_gradient`.
"""

# B images of this process' batch, U images of all processes' batches, D dimension of the projection, Q keys of the queue, M keys in all

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from samekind.training.models.key_queue import KeyQueue
from samekind.training.objectives.gather import gather_with_gradient, own_first, own_rows, sum_over_processes
from samekind.training.objectives.mi_bound import info_nce_bound
from samekind.training.objectives.similarity import Contrast, against_keys_rows, in_batch_rows

WHOLE = slice(None)


class BatchContraster(ABC):
    """Makes the contrast of a batch."""

    @abstractmethod
    def contrast(self, rows: slice = WHOLE) -> Contrast:
        """Contrast of some of this process' anchors, or of all."""

    @abstractmethod
    def bound(self, temperature: float) -> Tensor:
        """Scalar bound on the mutual information between the two views, in nats, on the device."""


class InBatch(BatchContraster):
    """Both views of every image against all views of all processes' batches.

    Args:
        projection_2BD: `(2B, D)` unit-norm projections, all first views and then all second views.
        index_B: `(B,)` int64 training image of each.

    Attributes:
        projected: `(2U, D)` projections of all processes, to which a contrast has its graph.
        num_anchors: 2B.
        num_candidates: 2U.
    """

    def __init__(self, projection_2BD: Tensor, index_B: Tensor) -> None:
        self._view_1, self._view_2 = projection_2BD.chunk(2)
        self.projected = torch.cat([gather_with_gradient(self._view_1), gather_with_gradient(self._view_2)])
        self._index_2U = gather_with_gradient(index_B).repeat(2)
        self._own = own_rows(len(index_B), index_B.device)
        self.num_anchors, self.num_candidates = len(projection_2BD), len(self.projected)

    def contrast(self, rows: slice = WHOLE) -> Contrast:
        """Contrast of some of the 2B anchors with all 2U candidates."""
        return in_batch_rows(self.projected, self._index_2U, self._own[rows])

    def bound(self, temperature: float) -> Tensor:
        """Bound between the views of this process' images."""
        return info_nce_bound(self._view_1, self._view_2, temperature)

    def own_gradient(self) -> Tensor:
        """Gradient of this process' projections, given `projected.grad`: the anchors of all processes push and pull them."""
        assert self.projected.grad is not None
        return torch.cat([sum_over_processes(half) for half in self.projected.grad.chunk(2)])


class AgainstKeys(BatchContraster):
    """First views against the keys of all processes' second views and of a queue.

    Args:
        projection_BD: `(B, D)` unit-norm projections of the first views.
        key_BD: `(B, D)` unit-norm keys of the second views, without gradient.
        index_B: `(B,)` int64 training image of each.
        queue: of Q older keys.

    Attributes:
        projected: the projections, to which a contrast has its graph.
        num_anchors: B.
        num_candidates: U + Q.
    """

    def __init__(self, projection_BD: Tensor, key_BD: Tensor, index_B: Tensor, queue: KeyQueue) -> None:
        self.projected = projection_BD
        self._key_BD, self._queue = key_BD, queue
        self._key_UD, self._index_U = gather_with_gradient(key_BD), gather_with_gradient(index_B)
        self._key_MD = torch.cat([own_first(self._key_UD, len(key_BD)), queue.keys])
        self._index_M = torch.cat([own_first(self._index_U, len(key_BD)), queue.index])
        self.num_anchors, self.num_candidates = len(projection_BD), len(self._key_MD)

    def contrast(self, rows: slice = WHOLE) -> Contrast:
        """Contrast of some of the B anchors with all keys."""
        return against_keys_rows(self.projected, self._key_MD, self._index_M, rows)

    def bound(self, temperature: float) -> Tensor:
        """Bound between the views of this process' images."""
        return info_nce_bound(self.projected, self._key_BD, temperature)

    def own_gradient(self) -> Tensor:
        """Gradient of this process' projections, given `projected.grad`: keys take none, so no other process adds to it."""
        assert self.projected.grad is not None
        return self.projected.grad

    def remember_keys(self) -> None:
        """Puts the keys of all processes into the queue, so that their queues stay alike; after a step with the older ones."""
        self._queue.push(self._key_UD, self._index_U)


class Patches(BatchContraster):
    """Patches of the first views, drawn once for the whole batch: what predictive coding contrasts.

    Args:
        contrast: as `CpcNetwork.contrast` made it.
        bound: likewise.
    """

    def __init__(self, contrast: Contrast, bound: float) -> None:
        self._contrast, self._bound = contrast, bound

    def contrast(self, rows: slice = WHOLE) -> Contrast:
        """Contrast of all anchors; there are no blocks of it."""
        assert rows == WHOLE
        return self._contrast

    def bound(self, temperature: float) -> Tensor:
        """Bound as the network measured it; the temperature is a learned one."""
        return torch.tensor(self._bound, dtype=torch.float64)
