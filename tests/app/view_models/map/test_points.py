from __future__ import annotations

import base64

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from samekind.app.view_models.map.points import STEPS, inside, packed, packed_rows, placed


def test_points_keep_their_shape_in_the_square() -> None:
    """Both axes are scaled alike, the middle stays the middle, and what is above is above on the screen."""
    place_N2 = placed(np.array([[-10, 0], [30, 0], [10, 5]], dtype=np.float32)).astype(int)
    left, right, high = place_N2
    assert (left[0] + right[0]) / 2 == pytest.approx(STEPS / 2, abs=1)
    assert (right[0] - left[0]) / (left[1] - high[1]) == pytest.approx(8, rel=1e-3)
    assert left[0] > 0
    assert right[0] < STEPS
    assert high[1] < left[1]


def test_a_single_point_lies_in_the_middle() -> None:
    """Nothing is divided by the extent of a map that has none."""
    assert placed(np.zeros((1, 2), dtype=np.float32)).tolist() == [[32768, 32768]]


def test_numbers_and_rows_are_packed_as_the_browser_unpacks_them() -> None:
    """Low byte first, and the first row in the lowest bit."""
    assert base64.b64decode(packed(np.array([1, 258], dtype=np.uint16))) == bytes([1, 0, 2, 1])
    assert base64.b64decode(packed_rows([0, 9], 10)) == bytes([1, 2])


def test_inside_is_what_matplotlib_calls_inside() -> None:
    """For a star whose arms cross nothing; on more points than are looked at in one block."""
    place_N2 = np.random.default_rng(0).integers(0, STEPS, (9000, 2)).astype(np.uint16)
    angle = np.linspace(0, 2 * np.pi, 11)[:-1]
    radius = np.where(np.arange(10) % 2, 9000.3, 30000.7)
    corners = np.stack([30000 + radius * np.cos(angle), 31000 + radius * np.sin(angle)], axis=1)
    wanted = np.nonzero(Outline(np.vstack([corners, corners[:1]]), closed=True).contains_points(place_N2))[0]
    assert inside(place_N2, corners.tolist()).tolist() == wanted.tolist()
    assert 500 < len(wanted) < 5000


@pytest.mark.parametrize("corners", [[], [[0, 0], [9, 9]], [[0, 0], [float("nan"), 1], [5, 5]]])
def test_nothing_is_inside_what_is_no_polygon(corners: list[list[float]]) -> None:
    """What a browser may send by mistake selects nothing and raises nothing."""
    assert inside(np.array([[1, 1]], dtype=np.uint16), corners).tolist() == []
