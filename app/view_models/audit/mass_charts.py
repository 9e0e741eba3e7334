"""Charts of the page *False negatives* that follow what is set or clicked: the push by rank, the worst classes, detectors' curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from samekind.app.view_models import charts
from samekind.app.view_models.charts import FALSE_COLOUR, LEVEL_COLOUR, QUALITY_COLOUR, literal

if TYPE_CHECKING:
    import plotly.graph_objects as go

    import samekind as sk

WORST_CLASSES = 12
DASHES = ("solid", "dot", "dash", "dashdot", "longdash", "longdashdot")
COLOURS = (FALSE_COLOUR, QUALITY_COLOUR, "#5f3dc4", "#1971c2", "#a16207", "#c2255c", "#2b8a3e", "#495057", "#e8890c")


def push_by_rank(by_rank: Sequence[Mapping[str, float]], *, has_labels: bool) -> go.Figure:
    """What each rank draws of the push, and how much of that hits same-class images.

    Args:
        by_rank: of `sk.GradientMass`.
        has_labels: false leaves the second part out: it is unknown.
    """
    figure = charts.titled("rank of the negative, 1 the nearest", "share of the push")
    ranks = [row["rank"] for row in by_rank]
    if has_labels:
        same = [row["same_class"] for row in by_rank]
        rest = [row["pushed"] - row["same_class"] for row in by_rank]
        figure.add_bar(x=ranks, y=same, name="hits the same class", marker={"color": FALSE_COLOUR, "pattern": _HATCH})
        figure.add_bar(x=ranks, y=rest, name="hits other images", marker={"color": LEVEL_COLOUR})
    else:
        figure.add_bar(x=ranks, y=[row["pushed"] for row in by_rank], name="push", marker={"color": LEVEL_COLOUR})
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(dtick=1 if len(ranks) <= 20 else None)
    return figure.update_layout(barmode="stack", height=280)


_HATCH = {"shape": "/", "solidity": 0.25}


def worst_classes(by_class: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], go.Figure] | None:
    """The classes of which most of the hardest negatives are false, the worst at the top, and by chance beside each.

    Args:
        by_class: of `sk.FalseNegativeReport`.

    Returns:
        The names from top to bottom, and the chart; `None` if no class has a rate.
    """
    known = [(name, row) for name, row in by_class.items() if row["false_negative_rate"] is not None]
    known.sort(key=lambda entry: (-entry[1]["false_negative_rate"], entry[0]))
    shown = known[:WORST_CLASSES]
    if not shown:
        return None
    names = [literal(name) for name, _ in shown]
    figure = charts.titled("share of the hardest negatives", "")
    figure.add_bar(
        y=names,
        x=[row["false_negative_rate"] for _, row in shown],
        orientation="h",
        name="of the same class",
        marker={"color": FALSE_COLOUR},
        hovertemplate="%{y}<br>%{x:.1%} of the same class<extra></extra>",
    )
    figure.add_scatter(
        y=names,
        x=[row["base_rate"] for _, row in shown],
        mode="markers",
        name="by chance",
        marker={"color": LEVEL_COLOUR, "symbol": "line-ns", "size": 16, "line": {"width": 3, "color": LEVEL_COLOUR}},
        hovertemplate="%{y}<br>%{x:.1%} by chance<extra></extra>",
    )
    shortened = {literal(name): literal(charts.short(name)) for name, _ in shown if name != charts.short(name)}
    figure.update_yaxes(autorange="reversed", type="category", labelalias=shortened, title=None)
    figure.update_xaxes(tickformat=".0%", rangemode="tozero")
    return [name for name, _ in shown], figure.update_layout(height=max(220, 90 + 28 * len(shown)))


def detector_curves(report: sk.DetectorReport) -> go.Figure:
    """Precision at each recall of the detectors, the best first; what chance gives is dashed."""
    figure = charts.titled(
        "recall: share of the false ones that are found", "precision: share of the found that are false"
    )
    found = [each for each in report.detectors if each.curve and each.detector not in ("random", "oracle")]
    found.sort(key=lambda each: -(each.average_precision or 0))
    for number, each in enumerate(found):
        figure.add_scatter(
            x=[point["recall"] for point in each.curve],
            y=[point["precision"] for point in each.curve],
            name=each.detector,
            mode="lines",
            line={"color": COLOURS[number % len(COLOURS)], "dash": DASHES[number % len(DASHES)], "width": 3},
        )
    if report.base_rate is not None:
        figure.add_scatter(
            x=[0, 1],
            y=[report.base_rate] * 2,
            name="by chance",
            mode="lines",
            line={"color": LEVEL_COLOUR, "width": 2, "dash": "dash"},
        )
    figure.update_yaxes(tickformat=".0%", range=(0, 1.02))
    figure.update_xaxes(tickformat=".0%", range=(0, 1))
    return figure.update_layout(height=400, legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"})
