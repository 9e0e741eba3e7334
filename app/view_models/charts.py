"""The charts of the page *False negatives*, as Plotly figures; Streamlit's theme gives them the page's fonts and background.

Colours mean the same in all of them: vermilion for false negatives, teal for the encoder's quality, violet for the bound on mutual
information, grey and dashed for what a curve is held against (the base rate, the bound's cap).
Line styles and markers differ too, so that no chart depends on colour.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from samekind.core.text import one_line

if TYPE_CHECKING:
    import plotly.graph_objects as go

FALSE_COLOUR = "#d9480f"
LEVEL_COLOUR = "#868e96"
QUALITY_COLOUR = "#0f9488"
BOUND_COLOUR = "#5f3dc4"
RANK_STYLES = {
    "1": ("#d9480f", "solid", "circle"),
    "10": ("#e8890c", "dot", "square"),
    "100": ("#a16207", "dashdot", "diamond"),
}
LEAST_SPAN = 0.1
"""Of an axis of accuracies: with a narrower one noise of 0.2 points would look like a fall."""
LONGEST_NAME = 40
"""Characters of a class name on an axis: longer ones would leave no room for the chart."""
LIGHT_SCALE = [(0.0, "#fff4ec"), (0.1, "#ffd8bd"), (0.4, "#f08c46"), (1.0, "#a8320a")]
DARK_SCALE = [(0.0, "#1f1a17"), (0.1, "#4a2412"), (0.4, "#a8410f"), (1.0, "#ff8a4c")]
CLICKABLE_CLASSES = 60  # up to which a click on a cell is told: a point a cell slows the page down
READABLE_CELLS = 12  # classes up to which the heat map's cells carry their figure


def rate_by_rank(by_rank: Sequence[Mapping[str, Any]], base_rate: float | None) -> go.Figure:
    """False-negative rate by rank of the negative, the base rate dashed.

    Args:
        by_rank: records with `rank` and `false_negative_rate` in [0, 1].
        base_rate: in [0, 1]; no line if it is unknown.
    """
    known = [row for row in by_rank if row["false_negative_rate"] is not None]
    ranks, rates = [row["rank"] for row in known], [row["false_negative_rate"] for row in known]
    figure = titled("rank of the negative, 1 the hardest", "false-negative rate")
    figure.add_scatter(
        x=ranks,
        y=rates,
        name="false-negative rate",
        mode="lines+markers",
        line={"color": FALSE_COLOUR, "width": 3},
        marker={"size": 8},
    )
    if base_rate is not None:
        _add_base_rate(figure, ranks, [base_rate] * len(ranks))
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.update_xaxes(dtick=1 if len(ranks) <= 20 else None)
    return figure


def class_heat_map(
    classes: Sequence[str], share_CC: Sequence[Sequence[float | None]], *, is_dark: bool = False
) -> go.Figure:
    """Share of each class among the hardest negatives of each class; the diagonal are the false negatives.

    Args:
        classes: C names.
        share_CC: `(C, C)` shares in [0, 1], anchor's class by negative's class.
        is_dark: true where the page is dark, so that an empty cell is no bright one.
    """
    figure = titled("class of the negative", "class of the anchor")
    readable = len(classes) <= READABLE_CELLS
    names = [literal(name) for name in classes]
    figure.add_heatmap(
        x=names,
        y=names,
        z=[list(row) for row in share_CC],
        zmin=0,
        colorscale=DARK_SCALE if is_dark else LIGHT_SCALE,
        colorbar={"tickformat": ".0%", "thickness": 12},
        text=[["" if share is None or share < 0.005 else f"{100 * share:.0f}" for share in row] for row in share_CC]
        if readable
        else None,
        texttemplate="%{text}" if readable else None,
        hovertemplate="anchor %{y}<br>negative %{x}<br>%{z:.1%} of the hardest negatives<extra></extra>",
        xgap=1,
        ygap=1,
    )
    if len(classes) <= CLICKABLE_CLASSES:
        _add_unseen_points(figure, names, share_CC)
    # Shortened in print only: two long names that begin and end alike are still two classes.
    shortened = {literal(name): literal(short(name)) for name in classes if name != short(name)}
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False, labelalias=shortened)
    figure.update_xaxes(type="category", tickangle=-45, showgrid=False, labelalias=shortened)
    return figure.update_layout(height=430)


def _add_unseen_points(figure: go.Figure, classes: Sequence[str], share_CC: Sequence[Sequence[float | None]]) -> None:
    """A point on each cell: a heat map itself tells of no click."""
    figure.add_scatter(
        x=[column for _ in classes for column in classes],
        y=[row for row in classes for _ in classes],
        mode="markers",
        marker={"size": max(8, 300 // max(len(classes), 1)), "symbol": "square", "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        showlegend=False,
        customdata=[share for row in share_CC for share in row],
        hovertemplate="anchor %{y}<br>negative %{x}<br>%{customdata:.1%} of the hardest negatives<extra></extra>",
    )


def literal(text: str) -> str:
    """`text` as Plotly shows it as it is: no tag, no entity and no formula, on one line."""
    return html.escape(one_line(text), quote=False).replace("$", "&#36;")


def short(name: str) -> str:
    """A class name as long as an axis has room for: its beginning and its end."""
    half = LONGEST_NAME // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[1 - half :]}"


def training_rates(history: Sequence[Mapping[str, Any]]) -> go.Figure | None:
    """False-negative rate among the 1, 10 and 100 hardest negatives that the objective met, by epoch.

    Args:
        history: epochs of `metrics.jsonl`.

    Returns:
        The chart, or `None` if no epoch knows any rate.
    """
    epochs = [epoch for epoch in history if epoch.get("false_negative_rate")]
    if not epochs:
        return None
    figure = titled("epoch", "false-negative rate")
    for rank, (colour, dash, symbol) in RANK_STYLES.items():
        points = [(e["epoch"], e["false_negative_rate"].get(rank)) for e in epochs]
        if shown := [(x, y) for x, y in points if y is not None]:
            _add_line(
                figure,
                shown,
                f"{rank} hardest" if rank != "1" else "the hardest",
                {"color": colour, "dash": dash},
                symbol,
            )
    _add_base_rate(figure, [e["epoch"] for e in epochs], [e.get("base_rate") for e in epochs])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return _whole_epochs(figure, history[-1]["epoch"])


def training_quality(history: Sequence[Mapping[str, Any]]) -> go.Figure | None:
    """k-NN accuracy on held-out images by epoch, or `None` if it was never measured."""
    points = [(epoch["epoch"], epoch["knn_accuracy"]) for epoch in history if epoch.get("knn_accuracy") is not None]
    if not points:
        return None
    figure = titled("epoch", "k-NN accuracy")
    _add_line(figure, points, "k-NN accuracy, held-out images", {"color": QUALITY_COLOUR}, "circle")
    figure.update_yaxes(tickformat=".1%", range=share_range([y for _, y in points]))
    figure.update_traces(cliponaxis=False)  # a marker at 100 % is drawn whole
    return _whole_epochs(figure, history[-1]["epoch"])


def share_range(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis for shares in [0, 1]: with room around them, at least a tenth long, and within [0, 1]."""
    low, high = min(values), max(values)
    room = max(0.06 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    low, high = low - room, high + room
    shift = max(-low, 0.0) - max(high - 1.0, 0.0)  # no further than the axis is long where both ends stick out
    return max(low + shift, 0.0), min(high + shift, 1.0)


def training_bound(history: Sequence[Mapping[str, Any]]) -> go.Figure | None:
    """The lower bound on mutual information between two views by epoch, and the log K that it cannot exceed, dashed; `None` if unknown."""
    epochs = [epoch for epoch in history if epoch.get("mi_bound") is not None]
    if not epochs:
        return None
    figure = titled("epoch", "nats")
    numbers = [epoch["epoch"] for epoch in epochs]
    points = [(epoch["epoch"], epoch["mi_bound"]) for epoch in epochs]
    _add_line(figure, points, "lower bound", {"color": BOUND_COLOUR, "dash": "solid"}, "circle")
    _add_level(figure, numbers, [epoch.get("mi_cap") for epoch in epochs], "cap: log K")
    figure.update_yaxes(rangemode="tozero")
    return _whole_epochs(figure, history[-1]["epoch"]).update_layout(height=280)


def bought(steps: Sequence[Mapping[str, Any]]) -> go.Figure | None:
    """Share of held-out comparisons that come out right after each adaptation, with the error of what it gained, and before, dashed.

    Args:
        steps: of `Index.adaptations`.

    Returns:
        The chart, or `None` for fewer than two: one point is no curve.
    """
    if len(steps) < 2:
        return None
    figure = titled("answers", "held-out comparisons right")
    answers, judged = [step["answers"] for step in steps], [step["held_out"] for step in steps]
    after = [each["after"] for each in judged]
    figure.add_scatter(
        x=answers,
        y=after,
        error_y={"array": [each["error"] for each in judged], "thickness": 1.5, "width": 4},
        name="adapted",
        mode="lines+markers",
        line={"color": QUALITY_COLOUR, "width": 3},
        marker={"size": 8},
    )
    before = [each["before"] for each in judged]
    _add_level(figure, answers, before, "encoder alone")
    ends = [value for each in judged for value in (each["after"] + each["error"], each["after"] - each["error"])]
    figure.update_yaxes(tickformat=".0%", range=share_range([*ends, *before]))
    return figure.update_layout(height=260)


def titled(x: str, y: str) -> go.Figure:
    """An empty chart with the titles of its axes."""
    import plotly.graph_objects as go

    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    figure = go.Figure(
        layout={"height": 360, "margin": {"l": 8, "r": 8, "t": 36, "b": 8}, "legend": legend, "showlegend": True}
    )
    return figure.update_xaxes(title=x).update_yaxes(title=y)


def _add_line(
    figure: go.Figure, points: Sequence[tuple[float, float]], name: str, line: dict[str, str], symbol: str
) -> None:
    x, y = zip(*points, strict=True)
    figure.add_scatter(
        x=x, y=y, name=name, mode="lines+markers", line={**line, "width": 3}, marker={"size": 8, "symbol": symbol}
    )


def _add_base_rate(figure: go.Figure, x: Sequence[float], y: Sequence[float | None]) -> None:
    _add_level(figure, x, y, "by chance")


def _add_level(figure: go.Figure, x: Sequence[float], y: Sequence[float | None], name: str) -> None:
    figure.add_scatter(
        x=list(x), y=list(y), name=name, mode="lines", line={"color": LEVEL_COLOUR, "width": 2, "dash": "dash"}
    )


def _whole_epochs(figure: go.Figure, count: int) -> go.Figure:
    return figure.update_xaxes(dtick=1) if count <= 20 else figure
