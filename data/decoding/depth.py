"""Pictures of more than 8 bits a channel, brought to 8 bits; in blocks of rows, because a copy in float64 is eight times as large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.data.types.images import Pixels
from samekind.data.types.reading import DeepRange

_BLOCK = 1 << 20  # values


def is_deep_grey(image: Image.Image) -> bool:
    """True if the image has one channel of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def deep_values(image: Image.Image) -> NDArray[Any]:
    """`(H, W)` numbers of a deep grey image."""
    return np.asarray(image)


def deep_colour(shape: tuple[int, ...], encoded: bytes) -> NDArray[Any] | None:
    """A colour picture of 16 bits a channel in full: Pillow keeps the upper 8, and of 12 bits in 16 they leave four, all but black.

    Args:
        shape: `(H, W, …)` as Pillow reads it.
        encoded: the file; its first picture is meant.

    Returns:
        `(H, W, 3 or 4)` uint16, RGB or RGBA; `None` if it cannot be read so.
    """
    import cv2

    try:
        values = cv2.imdecode(np.frombuffer(encoded, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if values is None or values.dtype != np.uint16 or values.ndim != 3 or values.shape[:2] != shape[:2]:
        return None
    order = [2, 1, 0, 3][: values.shape[2]]
    return np.asarray(values[..., order])


def range_of(values: NDArray[Any]) -> DeepRange:
    """Least and greatest value; what is not finite counts as 0."""
    lows, highs, integral = [], [], True
    for _, block in _blocks(values):
        lows.append(float(block.min()))
        highs.append(float(block.max()))
        integral = integral and (values.dtype.kind in "iu" or bool((block == np.round(block)).all()))
    return DeepRange(min(lows), max(highs), values.dtype.kind == "f", integral)


def to_8_bits(values: NDArray[Any], black_and_white: tuple[float, float]) -> Pixels:
    """The values as uint8, from black (0) to white (255); what lies beyond is clipped."""
    black, white = black_and_white
    out = np.empty(values.shape, dtype=np.uint8)
    for start, block in _blocks(values):
        scaled = (block - black) * (255.0 / max(white - black, 1e-12))
        out[start : start + len(block)] = np.round(np.clip(scaled, 0.0, 255.0))
    return out


def _blocks(values: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Blocks of rows as float64, finite everywhere, with the number of their first row."""
    rows = max(1, _BLOCK // max(1, int(np.prod(values.shape[1:]))))
    for start in range(0, len(values), rows):
        with np.errstate(invalid="ignore"):  # a signalling NaN, which becomes 0 like any other
            block = values[start : start + rows].astype(np.float64)
        yield start, np.where(np.isfinite(block), block, 0.0)
