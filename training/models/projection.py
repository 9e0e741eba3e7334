"""The network that is trained: a backbone and, behind it, the projector that training alone needs."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional


class Projector(nn.Sequential):
    """Feature to projection: linear, norm, ReLU, linear; used in training only (arXiv 2002.05709, section 4.2)."""

    def __init__(self, dim: int, hidden: int, out: int) -> None:
        super().__init__(
            nn.Linear(dim, hidden, bias=False), nn.BatchNorm1d(hidden), nn.ReLU(inplace=True), nn.Linear(hidden, out)
        )


class Projectable(Protocol):
    """The part of an encoder that a projection network needs."""

    @property
    def backbone(self) -> nn.Module:
        """Normalised inputs to features."""

    @property
    def feature_dim(self) -> int:
        """Dimension of a feature."""


class ProjectionNetwork(nn.Module):
    """Backbone and projector as one network: normalised views to unit-norm projections.

    Args:
        encoder: whose backbone is trained.
        hidden: width of the projector's hidden layer.
        out: dimension of the projection; 0 for no projector.
    """

    def __init__(self, encoder: Projectable, hidden: int, out: int) -> None:
        super().__init__()
        self.backbone = encoder.backbone
        self.projector: nn.Module = Projector(encoder.feature_dim, hidden, out) if out else nn.Identity()

    def forward(self, views_BCHW: Tensor) -> Tensor:
        """`(B, C, S, S)` to `(B, out)` float32 of unit norm."""
        projection: Tensor = self.projector(self.backbone(views_BCHW))
        return functional.normalize(projection.float(), dim=1)
