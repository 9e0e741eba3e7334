"""The points of a map as the browser gets them, and back: which of them lie inside a line.

A point is two numbers of 16 bits, a colour one of 8, a selection one bit: 70,000 images are 280 kB, 70 kB and 9 kB before base64.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STEPS = 65535
"""Greatest coordinate: the longer side of the map."""
_MARGIN = 0.03  # of the longer side, around all points
_BLOCK = 4096


def placed(point_N2: NDArray[np.float32]) -> NDArray[np.uint16]:
    """`(N, 2)` uint16: the map scaled into a square, both axes alike, its middle in the square's middle; the second axis points down."""
    low_2, high_2 = point_N2.min(axis=0), point_N2.max(axis=0)
    side = max(float((high_2 - low_2).max()), 1e-6) * (1 + 2 * _MARGIN)
    unit_N2 = (point_N2 - (low_2 + high_2) / 2) / side * (1, -1) + 0.5
    place_N2: NDArray[np.uint16] = np.round(unit_N2 * STEPS).astype(np.uint16)
    return place_N2


def packed(values: NDArray[np.uint8] | NDArray[np.uint16]) -> str:
    """An array as base64 of its bytes, the low one first."""
    return base64.b64encode(np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()).decode()


def packed_rows(rows: Sequence[int] | NDArray[np.int64], count: int) -> str:
    """Some of `count` rows as base64 of one bit each, the first row in the lowest bit."""
    chosen_N = np.zeros(count, dtype=np.uint8)
    chosen_N[np.asarray(rows, dtype=np.int64)] = 1
    return packed(np.packbits(chosen_N, bitorder="little"))


def version(*parts: str) -> str:
    """A short name for content: equal for equal parts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def inside(place_N2: NDArray[np.uint16], corners: Sequence[Sequence[float]]) -> NDArray[np.int64]:
    """Rows of the points inside a polygon, ascending; where it crosses itself, inside is what an odd number of turns surrounds.

    Args:
        place_N2: `(N, 2)` uint16.
        corners: of the polygon, in the same coordinates; of fewer than three nothing is inside.
    """
    corner_C2 = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    if not len(corner_C2):
        return np.empty(0, dtype=np.int64)
    (near_N,) = np.nonzero(((place_N2 >= corner_C2.min(0)) & (place_N2 <= corner_C2.max(0))).all(axis=1))
    next_C2 = np.roll(corner_C2, -1, axis=0)
    found = [
        rows[_odd(place_N2[rows].astype(np.float64), corner_C2, next_C2)]
        for rows in np.split(near_N, range(_BLOCK, len(near_N), _BLOCK))
    ]
    return np.concatenate(found).astype(np.int64)


def _odd(
    place_B2: NDArray[np.float64], corner_C2: NDArray[np.float64], next_C2: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """True for the points from which a ray to the right crosses an odd number of edges."""
    x_B1, y_B1 = place_B2[:, :1], place_B2[:, 1:]
    (x_C, y_C), (next_x_C, next_y_C) = corner_C2.T, next_C2.T
    spans_BC = (y_C > y_B1) != (next_y_C > y_B1)
    rise_C = np.where(next_y_C == y_C, 1.0, next_y_C - y_C)
    left_of_BC = x_B1 < x_C + (y_B1 - y_C) / rise_C * (next_x_C - x_C)
    odd_B: NDArray[np.bool_] = (spans_BC & left_of_BC).sum(axis=1) % 2 == 1
    return odd_B
