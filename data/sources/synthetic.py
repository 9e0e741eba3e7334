"""Drawn shapes of 32 px in eight classes, with near-duplicates that are known: for trying things out and for testing the audit.

Everything follows from a seed. Position, size, turn, colours and noise vary within a class, so raw pixels tell the classes apart badly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus, numbered_ids
from samekind.data.types.images import Pixels
from samekind.data.types.splits import train_test_split

NAME = "synthetic"
SIZE = 32
NUM_IMAGES = 1600
DUPLICATE_EVERY = 20
"""One image in this many is a near-duplicate of another."""

_OVERSAMPLE = 4
_CANVAS = SIZE * _OVERSAMPLE
_NOISE = 8.0  # standard deviation in grey levels

Point = tuple[float, float]
Draw = Callable[[ImageDraw.ImageDraw, Point, float, float, tuple[int, ...]], None]


@dataclass(frozen=True)
class Synthetic:
    """A synthetic corpus and its known near-duplicates.

    Attributes:
        corpus: the images.
        near_duplicates: pairs of ids; the second is the first with other noise, a slightly different brightness, and a shift of one pixel.
    """

    corpus: Corpus
    near_duplicates: list[tuple[str, str]]


def load(source: dict[str, Any] | None = None) -> Corpus:
    """The registered corpus: 1,600 images, seed 0."""
    return replace(_registered().corpus, source=dict(source or {}))


def near_duplicates(corpus: Corpus) -> list[tuple[str, str]]:
    """The known pairs of the registered corpus, as far as both ids are in `corpus` (a split or subset of it)."""
    present = set(corpus.ids)
    return [(a, b) for a, b in _registered().near_duplicates if a in present and b in present]


@lru_cache(maxsize=1)
def _registered() -> Synthetic:
    return make_synthetic()


def make_synthetic(num_images: int = NUM_IMAGES, seed: int = 0) -> Synthetic:
    """Draws a corpus.

    Args:
        num_images: at least 1; the classes take turns.
        seed: of everything, ≥ 0.

    Raises:
        InputError: an argument is out of range.
    """
    if num_images < 1 or seed < 0:
        raise InputError(f"a synthetic corpus needs num_images ≥ 1 and seed ≥ 0, got {num_images} and {seed}")
    rng = np.random.default_rng(seed)
    names = sorted(_SHAPES)
    images: list[Pixels] = []
    labels: list[str] = []
    pairs: list[tuple[int, int]] = []
    while len(images) < num_images:
        row = len(images)
        if row % DUPLICATE_EVERY == DUPLICATE_EVERY - 1:
            original = row - DUPLICATE_EVERY // 2
            pairs.append((original, row))
            images.append(_near_copy(images[original], rng))
            labels.append(labels[original])
        else:
            labels.append(names[row % len(names)])
            images.append(_drawn(_SHAPES[labels[-1]], rng))
    splits = train_test_split(labels, num_images, seed)
    ids = numbered_ids(splits)
    return Synthetic(Corpus.from_arrays(images, labels, splits, name=NAME), [(ids[a], ids[b]) for a, b in pairs])


def _drawn(shape: Draw, rng: np.random.Generator) -> Pixels:
    back = rng.integers(0, 256, 3)
    front = (back + rng.integers(70, 187, 3)) % 256  # at least 70 levels away in every channel
    image = Image.new("RGB", (_CANVAS, _CANVAS), tuple(back.tolist()))
    centre = (_CANVAS * rng.uniform(0.38, 0.62), _CANVAS * rng.uniform(0.38, 0.62))
    shape(
        ImageDraw.Draw(image),
        centre,
        _CANVAS * rng.uniform(0.22, 0.36),
        rng.uniform(0, 2 * math.pi),
        tuple(front.tolist()),
    )
    small = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX), dtype=np.float64)
    return _rounded(small + rng.normal(0, _NOISE, small.shape))


def _near_copy(pixels: Pixels, rng: np.random.Generator) -> Pixels:
    dy, dx = rng.integers(-1, 2, 2).tolist()
    shifted = np.roll(pixels, (dy, dx), axis=(0, 1)).astype(np.float64)
    return _rounded(shifted * rng.uniform(0.93, 1.07) + rng.normal(0, _NOISE / 4, pixels.shape))


def _rounded(values: NDArray[np.float64]) -> Pixels:
    rounded: Pixels = np.round(np.clip(values, 0, 255)).astype(np.uint8)
    return rounded


def _around(centre: Point, radii: list[float], turn: float) -> list[Point]:
    """Points at equal angles around the centre, at the given radii."""
    angles = [turn + 2 * math.pi * i / len(radii) for i in range(len(radii))]
    return [(centre[0] + r * math.cos(a), centre[1] + r * math.sin(a)) for r, a in zip(radii, angles, strict=True)]


def _polygon(radii: list[float]) -> Draw:
    """A polygon whose corners lie at these shares of the size."""

    def draw(canvas: ImageDraw.ImageDraw, centre: Point, size: float, turn: float, colour: tuple[int, ...]) -> None:
        canvas.polygon(_around(centre, [size * r for r in radii], turn), fill=colour)

    return draw


def _disc(canvas: ImageDraw.ImageDraw, centre: Point, size: float, turn: float, colour: tuple[int, ...]) -> None:
    canvas.circle(centre, size * 0.85, fill=colour)


def _ring(canvas: ImageDraw.ImageDraw, centre: Point, size: float, turn: float, colour: tuple[int, ...]) -> None:
    canvas.circle(centre, size, outline=colour, width=round(size * 0.35))


def _cross(canvas: ImageDraw.ImageDraw, centre: Point, size: float, turn: float, colour: tuple[int, ...]) -> None:
    ends = _around(centre, [size * 1.1] * 4, turn)
    for start, end in ((ends[0], ends[2]), (ends[1], ends[3])):
        canvas.line([start, end], fill=colour, width=round(size * 0.45))


def _stripes(canvas: ImageDraw.ImageDraw, centre: Point, size: float, turn: float, colour: tuple[int, ...]) -> None:
    along = (math.cos(turn) * 2 * _CANVAS, math.sin(turn) * 2 * _CANVAS)
    for step in range(-6, 7):
        x, y = centre[0] - math.sin(turn) * step * size * 0.8, centre[1] + math.cos(turn) * step * size * 0.8
        canvas.line([(x - along[0], y - along[1]), (x + along[0], y + along[1])], fill=colour, width=round(size * 0.4))


def _dots(canvas: ImageDraw.ImageDraw, centre: Point, size: float, turn: float, colour: tuple[int, ...]) -> None:
    for point in [centre, *_around(centre, [size * 1.15] * 5, turn)]:
        canvas.circle(point, size * 0.3, fill=colour)


_SHAPES: dict[str, Draw] = {
    "cross": _cross,
    "disc": _disc,
    "dots": _dots,
    "ring": _ring,
    "square": _polygon([1.0] * 4),
    "star": _polygon([1.2, 0.5] * 5),
    "stripes": _stripes,
    "triangle": _polygon([1.1] * 3),
}
