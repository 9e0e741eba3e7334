"""Nearest others, block by block."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from samekind.training import neighbours
from samekind.training.neighbours import nearest_others


@pytest.mark.parametrize("values", [1, 7 * 90, 40 * 90, 1 << 26])
def test_blocks_of_any_size_give_the_neighbours_of_the_whole(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no block holds more similarities than allowed, but for a single row."""
    unit = functional.normalize(torch.randn(90, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    similarity = (unit @ unit.T).fill_diagonal_(-2)
    widest, topk = [0], torch.Tensor.topk

    def seen(self: torch.Tensor, k: int, dim: int) -> torch.return_types.topk:
        widest[0] = max(widest[0], self.numel())
        return topk(self, k, dim=dim)

    monkeypatch.setattr(neighbours, "BLOCK_VALUES", values)
    monkeypatch.setattr(torch.Tensor, "topk", seen)
    assert nearest_others(unit, 6).tolist() == topk(similarity, 6, dim=1).indices.tolist()
    assert widest[0] <= max(values, 90)
