"""Small seeded networks of patches and images for them."""

from __future__ import annotations

import torch
from torch import Tensor

from samekind.training.models.patches import PatchEncoder
from samekind.training.objectives.cpc import CpcNetwork

SIZE = 28


def encoder(channels: int = 1, size: int = SIZE, width: int = 4, pool: int = 3) -> PatchEncoder:
    """A seeded small patch encoder."""
    torch.manual_seed(0)
    return PatchEncoder(channels, width, size, pool)


def network(size: int = 20, **options: object) -> CpcNetwork:
    """A seeded small network; at 20 px the grid has 4 × 4 cells."""
    return CpcNetwork(encoder(size=size), **options)  # type: ignore[arg-type]


def images(count: int, channels: int = 1, size: int = 20, seed: int = 1) -> Tensor:
    """Seeded noise of unit variance."""
    return torch.randn(count, channels, size, size, generator=torch.Generator().manual_seed(seed))
