"""One tensor of a checkpoint, made to fit a network for other channels or another image size."""

from __future__ import annotations

from math import isqrt
from typing import Any

from torch import Tensor
from torch.nn import functional

_PREFIX_TOKENS = (0, 1, 2, 4, 5, 8)  # class, distillation and register tokens before the grid


def adapted(name: str, given: Tensor, wanted: Tensor) -> Tensor | None:
    """The tensor in the shape that is wanted, or None if nothing that keeps its meaning does that.

    Args:
        name: of the tensor in the network.
        given: from the checkpoint.
        wanted: of the network.
    """
    if given.shape == wanted.shape:
        return given
    if _differ_in_channels(given, wanted):
        return _for_channels(given, wanted.shape[1])
    if "pos_emb" in name or "positional_emb" in name or "position_emb" in name:
        return _interpolated(given, wanted)
    if [side for side in given.shape if side != 1] == [side for side in wanted.shape if side != 1]:
        return given.reshape(wanted.shape)  # a linear layer as a 1 × 1 convolution, or back
    return None


def _differ_in_channels(given: Tensor, wanted: Tensor) -> bool:
    """True of convolutions of which one sees grey and the other RGB; a stem may stack several pixels (space to depth)."""
    if given.ndim != 4 or wanted.ndim != 4 or given.shape[2:] != wanted.shape[2:] or given.shape[0] != wanted.shape[0]:
        return False
    return given.shape[1] == 3 * wanted.shape[1] or (given.shape[1], wanted.shape[1]) == (1, 3)


def _for_channels(given: Tensor, channels: int) -> Tensor:
    """RGB summed, grey spread over three channels: either way a grey image gives what it gave."""
    from timm.models import adapt_input_conv

    if given.shape[1] == 1:
        return given.expand(-1, channels, -1, -1) / channels
    summed: Tensor = adapt_input_conv(1, given)
    return summed


def _interpolated(given: Tensor, wanted: Tensor) -> Tensor | None:
    """Tokens `(N, D)` or `(1, N, D)` of a square grid, after some that have no place, for another grid."""
    import timm.layers

    if given.ndim == wanted.ndim == 4:
        return _interpolated_map(given, wanted)
    if given.ndim != wanted.ndim or given.ndim not in (2, 3) or given.shape[-1] != wanted.shape[-1]:
        return None
    before, after = given.shape[-2], wanted.shape[-2]
    tokens = [p for p in _PREFIX_TOKENS if isqrt(before - p) ** 2 == before - p and isqrt(after - p) ** 2 == after - p]
    if not tokens or (given.ndim == 3 and given.shape[0] != 1):
        return None
    side = isqrt(after - tokens[0])
    layers: Any = timm.layers
    grid: Tensor = layers.resample_abs_pos_embed(
        given.reshape(1, before, -1), new_size=[side, side], num_prefix_tokens=tokens[0]
    )
    return grid.reshape(wanted.shape)


def _interpolated_map(given: Tensor, wanted: Tensor) -> Tensor | None:
    """A map `(1, D, H, W)` or `(1, H, W, D)` of positions for another grid."""
    if given.shape[1] == wanted.shape[1]:
        return functional.interpolate(given.float(), wanted.shape[2:], mode="bicubic", antialias=True).to(given.dtype)
    if given.shape[3] != wanted.shape[3]:
        return None
    grid = _interpolated_map(given.permute(0, 3, 1, 2), wanted.permute(0, 3, 1, 2))
    return None if grid is None else grid.permute(0, 2, 3, 1)
