"""The key encoder of MoCo: a slowly moving average of the trained network."""

from __future__ import annotations

import copy

import torch
from torch import nn


class MomentumEncoder(nn.Module):
    """A copy of a network that follows it as an exponential moving average and never takes a gradient.

    Args:
        network: the network to follow; anything that maps a batch of views to projections.
        momentum: m in [0, 1); after a step `key ← m · key + (1 − m) · online`.

    It stays in training mode: its norms use the statistics of the batch at hand, so running statistics need no averaging.

    Source:
        arXiv 1911.05722, equation 2.
    """

    def __init__(self, network: nn.Module, momentum: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.momentum = momentum

    @torch.no_grad()
    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Projections of `views`, without gradient."""
        keys: torch.Tensor = self.network(views)
        return keys

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Moves one step towards `network`."""
        for key, online in zip(self.network.parameters(), network.parameters(), strict=True):
            key.lerp_(online.detach(), 1 - self.momentum)
