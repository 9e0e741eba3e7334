"""The rectangle of a picture, in pixels of it and in shares of its sides, as the browser knows it."""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[int, int, int, int]
"""A rectangle of a picture: left, top, width and height in pixels."""


def of_shares(shares: Sequence[float] | None, size: tuple[int, int]) -> Box | None:
    """Pixels of a rectangle; at least one each way, and none beyond the picture.

    Args:
        shares: left, top, width and height in shares of the sides; `None` for the whole picture.
        size: width and height of the picture in pixels.

    Returns:
        Left, top, width and height; `None` for the whole picture.
    """
    if shares is None:
        return None
    (left, wide), (top, high) = (_pixels(shares[i], shares[i + 2], side) for i, side in enumerate(size))
    return None if (left, top, wide, high) == (0, 0, *size) else (left, top, wide, high)


def to_shares(box: Box, size: tuple[int, int]) -> list[float]:
    """The other way round."""
    width, height = size
    return [box[0] / width, box[1] / height, box[2] / width, box[3] / height]


def _pixels(start: float, length: float, side: int) -> tuple[int, int]:
    first = min(max(0, round(start * side)), side - 1)
    last = min(max(first + 1, round((start + length) * side)), side)
    return first, last - first
