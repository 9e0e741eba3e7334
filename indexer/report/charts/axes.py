"""Basics of all charts: series, axes, and the place of a value on the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from markupsafe import Markup

LEAST_SHARE = 0.1
"""Least length of an axis of shares: on a shorter one, noise of 0.2 points would look like a fall."""
WIDTH, HEIGHT = 520, 280
LEFT, RIGHT, TOP, BOTTOM = 60, WIDTH - 14, 34, HEIGHT - 44


class Figure(NamedTuple):
    """A chart and its caption."""

    chart: Markup
    caption: str


@dataclass(frozen=True)
class Series:
    """One curve, or one layer of bars.

    Attributes:
        name: in the legend.
        style: CSS class that has its colour and dash.
        points: x and y.
    """

    name: str
    style: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Axes:
    """Titles, formats and ranges of the axes.

    Attributes:
        x, y: their titles.
        format_x, format_y: a value as text.
        zero: y starts at 0.
        share: y is a share that does not start at 0: at least a tenth is shown then, within [0, 1].
        whole: x has whole numbers only.
    """

    x: str
    y: str
    format_x: Callable[[float], str] = "{:g}".format
    format_y: Callable[[float], str] = "{:g}".format
    zero: bool = True
    share: bool = False
    whole: bool = True


@dataclass(frozen=True)
class Frame:
    """The plotted range, and the place of a value on the picture with one decimal, as SVG wants it.

    Attributes:
        axes: of the chart.
        low_x, high_x, low_y, high_y: ends of the axes.
    """

    axes: Axes
    low_x: float
    high_x: float
    low_y: float
    high_y: float
    width, height = WIDTH, HEIGHT
    left, right, top, bottom = LEFT, RIGHT, TOP, BOTTOM

    @classmethod
    def around(cls, series: Sequence[Series], axes: Axes) -> Frame:
        """The frame that holds all points."""
        xs = [x for one in series for x, _ in one.points]
        ys = [y for one in series for _, y in one.points]
        low_x, high_x = min(xs), max(xs)
        if low_x == high_x:
            low_x, high_x = low_x - 0.5, high_x + 0.5
        low_y, high_y = (min(0.0, *ys) if axes.zero else min(ys)), max(ys)
        room = (high_y - low_y) * 0.06 or max(abs(high_y) * 0.1, 0.01)
        if axes.share:
            return cls(axes, low_x, high_x, *_share_range(low_y, high_y, room))
        return cls(axes, low_x, high_x, low_y if axes.zero else low_y - room, high_y + room)

    def x(self, value: float) -> float:
        """Distance from the left edge."""
        return LEFT + (value - self.low_x) / (self.high_x - self.low_x) * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        """Distance from the upper edge."""
        return BOTTOM - (value - self.low_y) / (self.high_y - self.low_y) * (BOTTOM - TOP)

    @property
    def ticks_x(self) -> list[float]:
        """Round numbers across."""
        return ticks(self.low_x, self.high_x, 10, self.axes.whole)

    @property
    def ticks_y(self) -> list[float]:
        """Round numbers upwards."""
        return ticks(self.low_y, self.high_y)


def legend(series: Sequence[Series]) -> Iterator[tuple[float, Series]]:
    """Each series with the place of its entry."""
    widths = (44 + round(6.6 * len(one.name)) for one in series)
    return zip(accumulate(widths, initial=LEFT), series, strict=False)


def ticks(low: float, high: float, about: int = 5, whole: bool = False) -> list[float]:
    """Round numbers from `low` to `high`, about as many as wanted: steps of 1, 2 or 5 times a power of ten.

    Args:
        low: where the range begins.
        high: where it ends, above `low`.
        about: how many.
        whole: no step below 1.
    """
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    step = max(1.0, step) if whole else step
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * i, 10) for i in range(first, last + 1)]


def _share_range(low: float, high: float, room: float) -> tuple[float, float]:
    room = max(room, (LEAST_SHARE - (high - low)) / 2)
    low, high = low - room, high + room
    shift = max(-low, 0.0) - max(high - 1.0, 0.0)
    return max(low + shift, 0.0), min(high + shift, 1.0)
