"""Curves of what training measured, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from samekind.core.text import visible_percent
from samekind.indexer.report.charts.axes import Axes, Figure, Series
from samekind.indexer.report.charts.line_chart import line_chart
from samekind.indexer.report.formats import percent_tick
from samekind.training.diagnostics.figures import BATCH_RANKS

MOST_EPOCHS = 100
_NAMED_RANKS = (("the hardest", "false"), ("10 hardest", "second"), ("100 hardest", "third"))
RANKS = dict(zip(map(str, BATCH_RANKS), _NAMED_RANKS, strict=True))

History = Sequence[Mapping[str, Any]]


def figures(history: History) -> list[Figure]:
    """The curves of which there are points."""
    return [figure for figure in (_rates(history), _accuracy(history), _bound(history)) if figure is not None]


def _rates(history: History) -> Figure | None:
    known = [epoch for epoch in history if epoch.get("false_negative_rate")]
    rates = [{**epoch["false_negative_rate"], "epoch": epoch["epoch"]} for epoch in known]
    series = [Series(name, style, _points(rates, rank)) for rank, (name, style) in RANKS.items()]
    if not any(one.points for one in series):
        return None
    last = ", ".join(f"{one.name} {visible_percent(one.points[-1][1])}" for one in series if one.points)
    chart = line_chart(
        [*series, Series("base rate", "level", _points(known, "base_rate"))],
        Axes("epoch", "false-negative rate", format_y=percent_tick),
        f"False-negative rate by epoch; in the last one {last}.",
    )
    return Figure(chart, "False-negative rate by epoch, among the hardest negatives of each anchor.")


def _accuracy(history: History) -> Figure | None:
    points = _points(history, "knn_accuracy")
    if not points:
        return None
    chart = line_chart(
        [Series("k-NN accuracy", "quality", points)],
        Axes("epoch", "k-NN accuracy", format_y=percent_tick, zero=False, share=True),
        f"k-NN accuracy by epoch: {visible_percent(points[0][1])} first, {visible_percent(points[-1][1])} last.",
    )
    return Figure(chart, "k-NN accuracy on held-out images by epoch.")


def _bound(history: History) -> Figure | None:
    points = _points(history, "mi_bound")
    if not points:
        return None
    chart = line_chart(
        [Series("lower bound", "bound", points), Series("cap: log K", "level", _points(history, "mi_cap"))],
        Axes("epoch", "nats"),
        f"Lower bound on mutual information by epoch: {points[-1][1]:.2f} nats in the last one.",
    )
    caption = "Lower bound on the mutual information between two views: a bound with a cap, and not an estimate."
    return Figure(chart, caption)


def _points(history: History, key: str) -> list[tuple[float, float]]:
    """Epoch and value, of the epochs that have one."""
    return [(epoch["epoch"], epoch[key]) for epoch in history if epoch.get(key) is not None]
