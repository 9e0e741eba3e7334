"""Which image sizes a model takes, found by asking it: without memory or arithmetic (PyTorch's device `meta`).

The libraries do not say it in one place: some models have a smallest size, some take multiples of a patch or a window, some one size.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial

import torch

from samekind.core.errors import InputError

REFUSALS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    IndexError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What models raise, when built or run, at a size (or number of channels) that they cannot take."""


def takes(ask: Callable[[int], object], size: int) -> bool:
    """True if `ask(size)`, which asks a model for a feature of an image of that size (px), gets one."""
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            ask(size)
    except REFUSALS:
        return False
    return True


def size_error(model: str, size: int, trained: int, ask: Callable[[int], object]) -> InputError | None:
    """The error that names the sizes that a model takes instead of one that it refused; None if the size was not the reason.

    Args:
        model: its name for the message.
        size: refused, px.
        trained: the size that it was trained for.
        ask: asks the model for a feature of an image of a size, building it if need be.
    """
    if takes(ask, size) or not takes(ask, trained):
        return None
    fits = cache(partial(takes, ask))
    nearest = _nearest(fits, size, trained)
    if not fits(nearest + 1) or not fits(nearest + 3):
        return InputError(f"{model} takes images of {nearest} px, got {size}", hint=f"--image-size {nearest}")
    if not fits(nearest + 64):  # a band around the trained size, which pads to it
        return InputError(f"{model} takes images of {trained} px, got {size}", hint=f"--image-size {trained}")
    return InputError(f"{model} takes images of at least {nearest} px, got {size}", hint=f"--image-size {nearest}")


def _nearest(fits: Callable[[int], bool], size: int, trained: int) -> int:
    """The smallest size above one that does not fit, as far as multiples of the usual patches show; else the trained one."""
    coarse = sorted({-(-(size + 1) // step) * step for step in (14, 16, 32, 64)})
    refused = [size]
    for candidate in coarse:
        if fits(candidate):
            break
        refused.append(candidate)
    else:
        candidate = trained
    if candidate < size:
        return candidate
    if fits(candidate - 1) and fits(candidate + 3):
        return _threshold(fits, max(each for each in refused if each < candidate), candidate - 1)
    finer = sorted({-(-(size + 1) // step) * step for step in (4, 8)})
    return next((each for each in finer if each < candidate and fits(each)), candidate)


def _threshold(fits: Callable[[int], bool], low: int, high: int) -> int:
    """Bisects for the smallest size that fits, of a model that takes everything from there on."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high
