"""Curves over ranks, and how similar the hardest negatives are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from samekind.core.text import visible_percent
from samekind.indexer.report.charts.axes import Axes, Figure, Series
from samekind.indexer.report.charts.histogram import histogram
from samekind.indexer.report.charts.line_chart import line_chart
from samekind.indexer.report.formats import percent_tick

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport

MOST_RANKS = 100
MOST_POINTS = 200  # of a curve
_BINS = 40
_RANK = "rank of the negative, 1 the hardest"
_LAYERS = (("false", "false", 1), ("of another class", "other", 0), ("class unknown", "third", -1))


def figures(report: FalseNegativeReport) -> list[Figure]:
    """Rates by rank, or similarities where no label is known, and the pairs by similarity."""
    return [_rates(report) if report.false_negative_rate is not None else _similarities(report), _histogram(report)]


def rows(by_rank: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """All ranks, or about `MOST_RANKS` of many: the first 20 and then evenly in the logarithm."""
    count = len(by_rank)
    if count <= MOST_RANKS:
        return list(by_rank)
    wanted = {*range(20), *np.geomspace(20, count, MOST_RANKS - 20).round().astype(int) - 1}
    return [by_rank[i] for i in sorted(wanted)]


def _rates(report: FalseNegativeReport) -> Figure:
    known = _thinned([row for row in report.by_rank if row["false_negative_rate"] is not None])
    points = [(row["rank"], row["false_negative_rate"]) for row in known]
    level = [(rank, report.base_rate) for rank, _ in points if report.base_rate is not None]
    series = [Series("false-negative rate", "false", points), Series("base rate", "level", level)]
    (first, at_first), (last, at_last) = points[0], points[-1]
    chart = line_chart(
        series,
        Axes(_RANK, "false-negative rate", format_y=percent_tick),
        f"False-negative rate by rank: {visible_percent(at_first)} at rank {first}, {visible_percent(at_last)} at rank {last}; "
        f"base rate {visible_percent(report.base_rate)}.",
    )
    return Figure(
        chart, "How often the negative at each rank is false, against the base rate: what a random negative would be."
    )


def _similarities(report: FalseNegativeReport) -> Figure:
    points = [(row["rank"], row["similarity"]) for row in _thinned(report.by_rank) if row["similarity"] is not None]
    chart = line_chart(
        [Series("mean similarity", "quality", points)],
        Axes(_RANK, "mean similarity", format_y="{:.2f}".format, zero=False),
        f"Mean similarity by rank: {points[0][1]:.3f} at rank 1, {points[-1][1]:.3f} at rank {points[-1][0]}.",
    )
    return Figure(chart, "How similar the negative at each rank is.")


def _histogram(report: FalseNegativeReport) -> Figure:
    """Pairs by similarity; false, true and unknown ones on top of each other."""
    similarity, false = report.pairs.similarity_AK.ravel(), report.pairs.false_AK.ravel()
    low, high = float(similarity.min()), float(similarity.max())
    edges = np.linspace(low, max(high, low + 1e-3), _BINS + 1)
    layers = []
    for name, style, value in _LAYERS:
        counts = np.histogram(similarity[false == value], edges)[0]
        if counts.any():
            layers.append(Series(name, style, [(float(x), float(n)) for x, n in zip(edges[:-1], counts, strict=True)]))
    axes = Axes("similarity to the anchor (cosine)", "pairs", "{:.2f}".format, _count_tick, whole=False)
    chart = histogram(layers, axes, float(edges[1] - edges[0]), f"Pairs by similarity, from {low:.2f} to {high:.2f}.")
    return Figure(
        chart,
        f"The {similarity.size:,} pairs of an anchor and one of its {report.k} hardest negatives by their similarity.",
    )


def _thinned(by_rank: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    step = -(-len(by_rank) // MOST_POINTS)
    return list(by_rank[::step])


def _count_tick(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
