"""Charts as SVG in the page itself: lines over numbers, and bars that share a place. Colours are CSS classes and follow the page's scheme.

Every series also has its own dash or pattern, and every chart a sentence for those who do not see it; hovering a point shows its figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samekind.indexer.report.markup import Html, element, together

LEAST_SHARE = 0.1
"""Length of an axis of shares at least: with a shorter one noise of 0.2 points would look like a fall."""
WIDTH, HEIGHT = 520, 280
LEFT, RIGHT, TOP, BOTTOM = 60, 14, 34, 44


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
    """What the axes say.

    Attributes:
        x, y: their titles.
        format_x, format_y: a value as text.
        zero: whether y starts at 0.
        share: whether y is a share that does not start at 0: at least a tenth is shown then, within [0, 1].
        whole: whether x has whole numbers only.
    """

    x: str
    y: str
    format_x: Callable[[float], str] = "{:g}".format
    format_y: Callable[[float], str] = "{:g}".format
    zero: bool = True
    share: bool = False
    whole: bool = True


def line_chart(series: Sequence[Series], axes: Axes, sentence: str) -> Html:
    """Curves with points; one without any point is left out, and a curve of class `level` has none drawn.

    Args:
        series: the curves, at least one with a point.
        axes: titles and formats.
        sentence: what is to be seen, for screen readers.
    """
    series = [one for one in series if one.points]
    frame = _frame(series, axes)
    drawn = [_curve(one, frame, axes) for one in series]
    return _svg([_grid(frame, axes), *drawn, _legend(series)], sentence)


def histogram(layers: Sequence[Series], axes: Axes, width: float, sentence: str) -> Html:
    """Bars on top of each other.

    Args:
        layers: lowest first, all with the same x: the bars' left edges.
        axes: titles and formats.
        width: of a bar, in units of x.
        sentence: what is to be seen, for screen readers.
    """
    tops = [[0.0] * len(layers[0].points)]
    for layer in layers:
        tops.append([low + y for low, (_, y) in zip(tops[-1], layer.points, strict=True)])
    edges = [x for x, _ in layers[0].points]
    outline = Series("", "", [*((x, y) for x, y in zip(edges, tops[-1], strict=True)), (edges[-1] + width, 0.0)])
    frame = _frame([outline], axes)
    bars = [
        _bar(layer, frame, axes, (x, x + width), (bottom, top))
        for layer, low, high in zip(layers, tops[:-1], tops[1:], strict=True)
        for x, bottom, top in zip(edges, low, high, strict=True)
        if top > bottom
    ]
    return _svg([_grid(frame, axes), *bars, _legend(layers)], sentence)


@dataclass(frozen=True)
class _Frame:
    low_x: float
    high_x: float
    low_y: float
    high_y: float

    def x(self, value: float) -> float:
        return LEFT + (value - self.low_x) / (self.high_x - self.low_x) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (value - self.low_y) / (self.high_y - self.low_y) * (HEIGHT - TOP - BOTTOM)


def _bar(layer: Series, frame: _Frame, axes: Axes, x: tuple[float, float], y: tuple[float, float]) -> Html:
    title = f"{layer.name}: {axes.format_y(y[1] - y[0])} from {axes.format_x(x[0])} to {axes.format_x(x[1])}"
    left, right, bottom, top = frame.x(x[0]), frame.x(x[1]), frame.y(y[0]), frame.y(y[1])
    place = {"x": _at(left), "y": _at(top), "width": _at(max(0.5, right - left - 1)), "height": _at(bottom - top)}
    return element("rect", element("title", title), class_=layer.style, **place)


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


def _frame(series: Sequence[Series], axes: Axes) -> _Frame:
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    low_x, high_x = min(xs), max(xs)
    if low_x == high_x:
        low_x, high_x = low_x - 0.5, high_x + 0.5
    low_y, high_y = (min(0.0, *ys) if axes.zero else min(ys)), max(ys)
    room = (high_y - low_y) * 0.06 or max(abs(high_y) * 0.1, 0.01)
    if axes.share:
        return _Frame(low_x, high_x, *_share_range(low_y, high_y, room))
    return _Frame(low_x, high_x, low_y if axes.zero else low_y - room, high_y + room)


def _share_range(low: float, high: float, room: float) -> tuple[float, float]:
    room = max(room, (LEAST_SHARE - (high - low)) / 2)
    low, high = low - room, high + room
    shift = max(-low, 0.0) - max(high - 1.0, 0.0)
    return max(low + shift, 0.0), min(high + shift, 1.0)


def _grid(frame: _Frame, axes: Axes) -> Html:
    bottom = HEIGHT - BOTTOM
    parts = []
    for value in ticks(frame.low_y, frame.high_y):
        y = _at(frame.y(value))
        parts.append(element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
        parts.append(element("text", axes.format_y(value), class_="end", x=LEFT - 7, y=_at(frame.y(value) + 4)))
    for value in ticks(frame.low_x, frame.high_x, 10, axes.whole):
        parts.append(element("text", axes.format_x(value), class_="middle", x=_at(frame.x(value)), y=bottom + 17))
    parts.append(element("line", class_="axis", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom))
    parts.append(element("text", axes.x, class_="middle title", x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 6))
    middle = (TOP + bottom) / 2
    turned = f"rotate(-90 12 {middle:g})"
    parts.append(element("text", axes.y, class_="middle title", x=12, y=middle, transform=turned))
    return together(*parts)


def _curve(one: Series, frame: _Frame, axes: Axes) -> Html:
    places = [(_at(frame.x(x)), _at(frame.y(y))) for x, y in one.points]
    path = element("polyline", class_=f"curve {one.style}", points=" ".join(f"{x},{y}" for x, y in places))
    if one.style == "level":
        return path
    dots = [
        element(
            "circle",
            element("title", f"{one.name}, {axes.format_x(x)}: {axes.format_y(y)}"),
            class_=one.style,
            cx=cx,
            cy=cy,
            r=4,
        )
        for (x, y), (cx, cy) in zip(one.points, places, strict=True)
    ]
    return together(path, *dots)


def _legend(series: Sequence[Series]) -> Html:
    parts, x = [], LEFT
    for one in series:
        parts.append(element("line", class_=f"curve {one.style}", x1=x, x2=x + 22, y1=15, y2=15))
        parts.append(element("text", one.name, x=x + 28, y=19))
        x += 44 + round(6.6 * len(one.name))
    return together(*parts)


def _svg(parts: Sequence[Html], sentence: str) -> Html:
    return element(
        "svg",
        *parts,
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=sentence,
        preserveAspectRatio="xMidYMid meet",
    )


def _at(value: float) -> str:
    return f"{value:.1f}"
