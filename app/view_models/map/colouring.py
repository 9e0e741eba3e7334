"""What the colours of a map say: groups of images with their names, at most ten of them in a colour of their own, and the rest grey."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from samekind.core.text import counted, one_line

MOST_COLOURS = 10
GREY = 255
"""Code of an image without a colour of its own."""
_STEPS = 5  # of a scale


@dataclass(frozen=True)
class Colouring:
    """A group for each image.

    Attributes:
        names: of the groups that have a colour, in the order of the legend; at most `MOST_COLOURS`.
        code_N: `(N,)` uint8, the group of each image, or `GREY`.
        rest: what the grey ones are; empty if there are none.
        ordered: the groups are steps of a scale from low to high.
    """

    names: tuple[str, ...]
    code_N: NDArray[np.uint8]
    rest: str = ""
    ordered: bool = False

    @cached_property
    def counts(self) -> list[int]:
        """Images in each group, in the order of `names`."""
        found = np.bincount(self.code_N, minlength=GREY + 1)
        return [int(found[number]) for number in range(len(self.names))]

    @property
    def num_grey(self) -> int:
        """Images without a colour of their own."""
        return int((self.code_N == GREY).sum())


def commonest(values: Sequence[str | None], most: int = MOST_COLOURS) -> list[str]:
    """The most frequent values, the first in the alphabet of equally frequent ones."""
    found = Counter(value for value in values if value is not None)
    return sorted(found, key=lambda value: (-found[value], value))[:most]


def by_name(values: Sequence[str | None], chosen: Sequence[str], without: str) -> Colouring:
    """Colours a column of names.

    Args:
        values: of each image; `None` where unknown.
        chosen: the names that get a colour; those beyond `MOST_COLOURS` get none.
        without: what an image without a value is called.
    """
    chosen = list(dict.fromkeys(chosen))[:MOST_COLOURS]
    number = {name: code for code, name in enumerate(chosen)}
    code_N = np.array([GREY if value is None else number.get(value, GREY) for value in values], dtype=np.uint8)
    others = len({value for value in values if value is not None} - set(chosen))
    rest = [counted(others, "other")] if others else []
    rest += [without] if None in values else []
    return Colouring(tuple(one_line(name) for name in chosen), code_N, " and ".join(rest))


def by_cluster(cluster_N: NDArray[np.uint8]) -> Colouring:
    """Colours clusters by their numbers, which count from 1 for people."""
    names = tuple(f"cluster {number + 1}" for number in range(int(cluster_N.max()) + 1))
    return Colouring(names, cluster_N)


def by_number(value_N: NDArray[np.float64], without: str, *, percent: bool = False) -> Colouring:
    """Colours a column of numbers in steps: of equal width for shares, of equal numbers of images for others.

    Args:
        value_N: `(N,)`; NaN where unknown.
        without: what an image without a value is called.
        percent: the values are shares in [0, 1].
    """
    known_N = np.isfinite(value_N)
    rest = "" if known_N.all() else without
    code_N = np.full(len(value_N), GREY, dtype=np.uint8)
    if not known_N.any():
        return Colouring((), code_N, rest, ordered=True)
    known = value_N[known_N]
    shares = np.linspace(0, 1, _STEPS + 1)
    edges = shares if percent else np.unique(np.quantile(known, shares, method="higher"))
    if len(edges) == 1:
        edges = np.repeat(edges, 2)
    code_N[known_N] = np.clip(np.searchsorted(edges[1:-1], known, side="right"), 0, len(edges) - 2)
    names = [f"{_number(low, percent)} – {_number(high, percent)}" for low, high in pairwise(edges)]
    return Colouring(tuple(names), code_N, rest, ordered=True)


def _number(value: float, percent: bool) -> str:
    return f"{100 * value:.0f} %" if percent else f"{value:,.6g}"
