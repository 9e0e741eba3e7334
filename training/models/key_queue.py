"""A ring of the latest keys: many negatives without a large batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class KeyQueue(nn.Module):
    """Holds the last `size` keys and which image each came from; the oldest is overwritten first.

    Args:
        size: number of keys Q.
        dim: dimension D of a key.

    Its state (keys, indices, position) is made of buffers, so a checkpoint that saves the module saves the queue.

    Source:
        arXiv 1911.05722, section 3.2.
    """

    keys: Tensor
    index: Tensor
    position: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("keys", torch.zeros(size, dim))
        self.register_buffer("index", torch.full((size,), -1, dtype=torch.int64))
        self.register_buffer("position", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def push(self, keys_BD: Tensor, index_B: Tensor) -> None:
        """Appends keys in order, wrapping at the end; of a batch larger than the queue the last ones stay.

        Args:
            keys_BD: `(B, D)` float keys.
            index_B: `(B,)` int64 training image of each key, ≥ 0.
        """
        size = len(self.index)
        slots = (self.position + torch.arange(len(keys_BD), device=self.keys.device)) % size
        newest = slice(max(0, len(keys_BD) - size), None)
        self.keys[slots[newest]] = keys_BD[newest].to(self.keys.dtype)
        self.index[slots[newest]] = index_B[newest]
        self.position.add_(len(keys_BD)).remainder_(size)
