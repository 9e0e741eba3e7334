"""The few greatest of very many values a row: `topk`, with far fewer values to sort."""

# B rows, N values, C chunks, M wanted

from __future__ import annotations

import torch
from torch import Tensor

_CHUNK = 64
"""Columns whose greatest value is looked at first: the m greatest of a row lie in the m chunks of the greatest."""


def greatest(value_BN: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` greatest values of each row, falling, and their columns; `topk`, which sorts far fewer values."""
    chunks = value_BN.shape[1] // _CHUNK
    if chunks < 8 * count:
        found = value_BN.topk(count, dim=1)
        return found.values, found.indices
    end = chunks * _CHUNK
    best_BC = value_BN[:, :end].unflatten(1, (chunks, _CHUNK)).amax(-1)
    chunk_BM = best_BC.topk(count, dim=1).indices
    column_BX = (chunk_BM[:, :, None] * _CHUNK + torch.arange(_CHUNK)).flatten(1)
    rest = torch.arange(end, value_BN.shape[1]).expand(len(value_BN), -1)
    column_BX = torch.cat([column_BX, rest], dim=1)
    found = value_BN.gather(1, column_BX).topk(count, dim=1)
    return found.values, column_BX.gather(1, found.indices)
