"""The pictures of a comparison, as PNG. matplotlib is imported when the first one is drawn."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from samekind.comparison.methods import Curve
from samekind.comparison.summary import Row, Table
from samekind.training.runtime.artefact import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _LABELS, _SECOND = "#1f4e79", "#b0b0b0", "#b5482a"
_DPI = 150


def write_plots(table: Table, out: Path) -> list[Path]:
    """Draws the dot plot of the table and one picture a curve, and returns what was written."""
    slug = table.corpus.slug
    pictures = []
    if any(row.figures["knn_accuracy"].defined for row in table.rows):
        pictures.append(_save(_dots(table), out / f"{slug}.png"))
    for curve, points in table.curves:
        if any(point.figures["knn_accuracy"].defined for point in points):
            pictures.append(_save(_curve(curve, points), out / f"{slug}-{curve.name}.png"))
    return pictures


def _figure(width: float, height: float) -> Figure:
    # not pyplot: that would choose a window system and keep every figure
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Figure, path: Path) -> Path:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=_DPI, metadata={"Software": None})  # the same trials give the same bytes
    write_atomically(path, picture.getvalue())
    return path


def _dots(table: Table) -> Figure:
    rows = [row for row in table.rows if row.figures["knn_accuracy"].defined]
    figure = _figure(7.5, 1.2 + 0.3 * len(rows))
    axes = figure.subplots()
    for height, row in enumerate(reversed(rows)):
        spread = row.figures["knn_accuracy"]
        colour = _LABELS if row.method.uses_labels else _INK
        values = [100 * value for value in spread.defined]
        axes.plot(values, [height] * len(values), "o", color=colour, alpha=0.55, markersize=5)
        axes.plot([100 * (spread.mean or 0.0)], [height], "|", color=colour, markersize=15, markeredgewidth=2)
    axes.set_yticks(range(len(rows)), [row.method.mark for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlabel(f"k-NN accuracy in %, k = {table.knn_k} (dots: seeds, bar: mean; grey †: labels)")
    axes.set_title(f"{table.corpus.name}, {table.steps:,} steps", loc="left")
    _quiet(axes, "x")
    return figure


def _curve(curve: Curve, points: Sequence[Row]) -> Figure:
    figure = _figure(6, 3.6)
    axes = figure.subplots()
    _line(axes, points, "knn_accuracy", _INK, "o-")
    axes.set_ylabel("k-NN accuracy in %", color=_INK)
    axes.set_xlabel(curve.axis)
    axes.set_title(curve.title, loc="left")
    axes.set_xticks(range(len(points)), [str(point.x) for point in points])
    _quiet(axes, "y")
    if curve.false_negatives and any(p.figures["false_negative_rate_at_10"].defined for p in points):
        right = axes.twinx()
        _line(right, points, "false_negative_rate_at_10", _SECOND, "s--")
        right.set_ylabel("false negatives @10 in %", color=_SECOND)
        right.spines[["top", "left"]].set_visible(False)
    return figure


def _line(axes: Axes, points: Sequence[Row], key: str, colour: str, style: str) -> None:
    """Points at equal distances: the settings grow by factors, and β begins at 0."""
    places = [i for i, point in enumerate(points) if point.figures[key].mean is not None]
    axes.plot(places, [100 * (points[i].figures[key].mean or 0.0) for i in places], style, color=colour)


def _quiet(axes: Axes, grid: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x" if grid == "x" else "y", color="#e4e4e4")
    axes.set_axisbelow(True)
