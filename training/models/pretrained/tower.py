"""The image tower of a larger model, as a backbone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from samekind.core.errors import InputError


class ImageTower(nn.Module):
    """A network for RGB images; grey ones are repeated to three channels.

    Args:
        tower: returns features `(B, D)`, tokens `(B, N, D)` or maps `(B, D, H, W)`, which are averaged, or a tuple that opens with one.
    """

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        """`(B, 1 or 3, S, S)` to `(B, D)`."""
        output: Any = self.tower(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)
        feature: Tensor = output[0] if isinstance(output, tuple | list) else output
        if feature.ndim == 4:
            return feature.mean((2, 3))
        return feature.mean(1) if feature.ndim == 3 else feature


def feature_dim(backbone: nn.Module, image_size: int, channels: int) -> int:
    """D of the `(B, D)` features of a backbone, by asking it for one.

    Raises:
        InputError: it returns something else.
    """
    feature = answer(backbone, image_size, channels)
    if not returns_features(feature):
        shape = tuple(feature.shape) if isinstance(feature, Tensor) else type(feature).__name__
        raise InputError(f"the backbone returns a feature of shape {shape}, expected (1, D)")
    return int(feature.shape[1])


def returns_features(output: Any) -> bool:
    """True of `(B, D)`, not of tokens, maps or tuples."""
    return isinstance(output, Tensor) and output.ndim == 2


@torch.no_grad()
def answer(backbone: nn.Module, image_size: int, channels: int) -> Any:
    """What a network returns for one black image, in evaluation mode."""
    device = next(iter(backbone.state_dict().values())).device
    was_training = backbone.training
    output: Any = backbone.eval()(torch.zeros(1, channels, image_size, image_size, device=device))
    backbone.train(was_training)
    return output
