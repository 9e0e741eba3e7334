"""Scaling in torch, against the algorithm written out in whole numbers, and against Pillow."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from samekind.data.decode import prepare
from samekind.data.decoding import torch_resize
from samekind.data.decoding.torch_resize import torch_resized
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import PILLOW, TORCH, Preprocessing
from tests.data.test_preprocessing import SIZES, noise


def bilinear(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the distance from the centre."""
    return np.array(np.clip(1 - np.abs(t), 0, None))


def bicubic(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys' kernel with a = -0.5."""
    t = np.abs(t)
    return np.where(t < 1, ((1.5 * t - 2.5) * t) * t + 1, np.where(t < 2, (((t - 5) * t + 8) * t - 4) * -0.5, 0))


FILTERS: dict[str, tuple[Callable[[NDArray[np.float64]], NDArray[np.float64]], float]] = {
    "bilinear": (bilinear, 1.0),
    "bicubic": (bicubic, 2.0),
}


def along(pixels: NDArray[np.int64], made: int, interpolation: str) -> NDArray[np.int64]:
    """`(H, W, C)` in 0-255 to `(H, made, C)`: weights of 16 bits with as many binary places as the largest allows, in whole numbers."""
    length = pixels.shape[1]
    if made == length:
        return pixels
    kernel, radius = FILTERS[interpolation]
    scale = length / made
    stretch = max(scale, 1.0)
    weights = np.zeros((made, length))
    for i in range(made):
        centre = scale * (i + 0.5)
        first, last = max(int(centre - radius * stretch + 0.5), 0), min(int(centre + radius * stretch + 0.5), length)
        own = kernel((np.arange(first, last) - centre + 0.5) / stretch)
        weights[i, first:last] = own / own.sum()
    places = max(p for p in range(23) if int(0.5 + weights.max() * 2**p) < 2**15)
    whole = np.trunc(weights * 2**places + np.where(weights < 0, -0.5, 0.5)).astype(np.int64)
    sums = np.einsum("ml,hlc->hmc", whole, pixels) + 2 ** (places - 1)
    return np.array(np.clip(sums >> places, 0, 255))


def by_hand(pixels: Pixels, size: tuple[int, int], interpolation: str) -> Pixels:
    """`(H, W, C)` uint8 to that width and height: along, then down."""
    narrow = along(pixels.astype(np.int64), size[0], interpolation)
    return along(narrow.transpose(1, 0, 2), size[1], interpolation).transpose(1, 0, 2).astype(np.uint8)


@pytest.mark.parametrize("interpolation", FILTERS)
def test_it_is_the_algorithm_in_whole_numbers(interpolation: str) -> None:
    """Every pixel equal, in colour and in grey: larger, smaller, both, one side alone, next to nothing."""
    for size in [(24, 24), (100, 7)]:
        for width, height in SIZES:
            image = noise(width, height)
            expected = by_hand(np.asarray(image), size, interpolation)
            np.testing.assert_array_equal(torch_resized(image, size, interpolation), expected)
            grey = image.getchannel("G")
            np.testing.assert_array_equal(torch_resized(grey, size, interpolation), expected[..., 1])


@pytest.mark.parametrize(("picture", "size"), [((64, 90), (1, 40)), ((6400, 3), (20, 2))])
def test_extreme_sizes(picture: tuple[int, int], size: tuple[int, int]) -> None:
    """A single column, and so many pixels for one that 22 places do not fill 16 bits; in colour.

    (In grey torch 2.14 is wrong about a single column without AVX2, but no encoder takes such a picture.)
    """
    image = noise(*picture)
    np.testing.assert_array_equal(torch_resized(image, size, "bicubic"), by_hand(np.asarray(image), size, "bicubic"))


@pytest.mark.slow
def test_a_processor_without_vectors_makes_the_same_pixels() -> None:
    """torch's plain code, which it runs where there is no AVX2, in a process of its own."""
    lines = (
        "import torch",
        "from tests.data.decoding import test_torch_resize as tests",
        "assert torch.backends.cpu.get_cpu_capability() == 'DEFAULT'",
        "tests.test_extreme_sizes((64, 90), (1, 40))",
        "[tests.test_it_is_the_algorithm_in_whole_numbers(name) for name in tests.FILTERS]",
    )
    environment = os.environ | {"ATEN_CPU_CAPABILITY": "default"}
    command = [sys.executable, "-c", "\n".join(lines)]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]


def test_a_part_is_cut_out_of_the_whole() -> None:
    """The part is that of the scaled picture, and a picture of the right size keeps its pixels; the result is the caller's own."""
    image = noise(90, 60)
    whole = torch_resized(image, (45, 30), "bicubic")
    np.testing.assert_array_equal(torch_resized(image, (45, 30), "bicubic", (3, 2, 40, 29)), whole[2:29, 3:40])
    same = torch_resized(image, image.size, "bicubic")
    np.testing.assert_array_equal(same, np.asarray(image))
    same[:] = 0
    assert np.asarray(image).any()


def test_pictures_that_pillow_cannot_lend_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in several blocks of memory, and all with a Pillow that lends none: the same pixels."""
    expected = torch_resized(noise(90, 60), (45, 30), "bicubic")
    monkeypatch.setattr(torch_resize, "_lent", lambda image: None)
    np.testing.assert_array_equal(torch_resized(noise(90, 60), (45, 30), "bicubic"), expected)
    monkeypatch.undo()
    large = noise(3000, 1500)  # 18 MB, more than a block
    assert torch_resize._lent(large) is None
    np.testing.assert_array_equal(torch_resized(large, (3000, 1500), "bicubic"), np.asarray(large))


@pytest.mark.parametrize("size", [(350, 350), (467, 350), (300, 500), (160, 160), (1600, 1200)])
def test_it_is_as_near_to_pillow_as_is_told(size: tuple[int, int]) -> None:
    """Of lite0's input at most 1 % of the values differ, by at most 2 of 255: noise is harder than photos are."""
    pillow, torch = (prepare(noise(*size), Preprocessing(224, 3, crop=0.875, resize=way)) for way in (PILLOW, TORCH))
    apart = np.abs(pillow.astype(int) - torch)
    assert apart.max() <= 2
    assert np.mean(apart > 0) <= 0.01
