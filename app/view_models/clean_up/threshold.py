"""A threshold over a list's scores: its histogram, and the entries that an answer to all of them would be about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from samekind.app.view_models import charts, curation_view
from samekind.app.view_models.charts import FALSE_COLOUR, LEVEL_COLOUR

if TYPE_CHECKING:
    import plotly.graph_objects as go

    import samekind as sk

BINS = 30
STEPS = 1000
SUREST = 0.1
"""Share of a list that the threshold selects at first."""


def ends(scores: Sequence[float]) -> tuple[float, float]:
    """Ends of the slider: just below the least score, and 1 or just above the greatest; apart even where all are equal."""
    low = np.floor(min(scores) * STEPS) / STEPS
    high = max(1.0, float(np.ceil(max(scores) * STEPS) / STEPS))
    return float(min(low, high - 1 / STEPS)), high


def first(scores: Sequence[float]) -> float:
    """Where the slider stands at first: a tenth of the list lies above."""
    low, high = ends(scores)
    wanted = float(np.quantile(scores, 1 - SUREST))
    return float(np.clip(np.floor(wanted * STEPS) / STEPS, low, high))


def histogram(scores: Sequence[float], threshold: float, name: str) -> go.Figure:
    """How many entries have which score; those from the threshold on are filled in the colour of what is marked.

    Args:
        scores: of the listed entries.
        threshold: from which on they are selected.
        name: of the score, on its axis.
    """
    low, high = ends(scores)
    figure = charts.titled(name, "entries")
    edges = np.linspace(low, high, BINS + 1)
    middle, width = (edges[:-1] + edges[1:]) / 2, (high - low) / BINS
    above = np.array(scores) >= threshold
    for selected, words, colour, hatch in (
        (above, "from the threshold on", FALSE_COLOUR, "/"),
        (~above, "below", LEVEL_COLOUR, ""),
    ):
        counts, _ = np.histogram(np.array(scores)[selected], edges)
        figure.add_bar(
            x=middle.tolist(),
            y=counts.tolist(),
            width=width,
            name=words,
            marker={"color": colour, "pattern": {"shape": hatch, "solidity": 0.25}},
        )
    figure.add_vline(x=threshold, line={"color": FALSE_COLOUR, "width": 2})
    return figure.update_layout(barmode="stack", height=200, bargap=0)


def selected_issues(issues: Sequence[sk.LabelIssue], threshold: float) -> list[sk.LabelIssue]:
    """The open issues from a suspicion on. Of copies with two labels one is wrong, and which one the score does not say."""
    return [issue for issue in issues if issue.confirmed is None and not issue.copies and issue.score >= threshold]


def selected_pairs(pairs: Sequence[sk.Duplicate], threshold: float) -> list[sk.Duplicate]:
    """The open near pairs from an agreement on."""
    return [pair for pair in curation_view.unanswered(tuple(pairs)) if pair.score >= threshold]
