"""Curves of trainings: several runs in one chart, or one that is under way.

Runs differ by dash and marker as well as by colour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from samekind.app.view_models.charts import FALSE_COLOUR, LEVEL_COLOUR, QUALITY_COLOUR, literal, share_range

if TYPE_CHECKING:
    import plotly.graph_objects as go

History = Sequence[Mapping[str, Any]]
STYLES = ((QUALITY_COLOUR, "solid", "circle"), (FALSE_COLOUR, "dot", "square"), ("#5f3dc4", "dashdot", "diamond"))
LOSS = "Loss"


def _accuracy(epoch: Mapping[str, Any]) -> float | None:
    return epoch.get("knn_accuracy")


def _loss(epoch: Mapping[str, Any]) -> float | None:
    return epoch.get("loss")


def _false_negatives(epoch: Mapping[str, Any]) -> float | None:
    rates = epoch.get("false_negative_rate")
    return rates.get("10") if isinstance(rates, Mapping) else None


def _rank(epoch: Mapping[str, Any]) -> float | None:
    health = epoch.get("health")
    return health.get("effective_rank") if isinstance(health, Mapping) else None


MEASURES: dict[str, tuple[str, Callable[[Mapping[str, Any]], float | None]]] = {
    "Hold-out accuracy": ("k-NN accuracy, held-out images", _accuracy),
    LOSS: ("loss", _loss),
    "False negatives @10": ("false-negative rate, 10 hardest", _false_negatives),
    "Effective rank": ("effective rank", _rank),
}
"""Name of each measure, with its axis and where an epoch has it."""
SHARES = ("Hold-out accuracy", "False negatives @10")


def measured(histories: Sequence[History]) -> list[str]:
    """The measures that any epoch of these runs has."""
    return [name for name in MEASURES if any(points(history, name) for history in histories)]


def points(history: History, measure: str) -> list[tuple[int, float]]:
    """Epoch and value, where it was measured."""
    of = MEASURES[measure][1]
    found = [(epoch["epoch"], of(epoch)) for epoch in history]
    return [(epoch, value) for epoch, value in found if isinstance(value, int | float)]


def compared(
    histories: Mapping[str, History],
    measure: str,
    height: int = 340,
    *,
    styles: Sequence[tuple[str, str, str]] = STYLES,
) -> go.Figure:
    """One measure of several runs by epoch.

    Args:
        histories: epoch records by the run's name; at most as many as there are `STYLES`.
        measure: one of `MEASURES`.
        height: in pixels.
        styles: colour, dash and marker of each.
    """
    import plotly.graph_objects as go

    figure = go.Figure(
        layout={
            "height": height,
            "margin": {"l": 8, "r": 8, "t": 36, "b": 8},
            "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
            "showlegend": True,
        }
    )
    values: list[float] = []
    for (name, history), (colour, dash, symbol) in zip(histories.items(), styles, strict=False):
        found = points(history, measure)
        values += [value for _, value in found]
        if found:
            x, y = zip(*found, strict=True)
            line, marker = {"color": colour, "dash": dash, "width": 3}, {"size": 7, "symbol": symbol}
            figure.add_scatter(x=x, y=y, name=literal(name), mode="lines+markers", line=line, marker=marker)
    if measure in SHARES and values:
        figure.update_yaxes(tickformat=".0%", range=share_range(values))
    return figure.update_xaxes(title="epoch").update_yaxes(title=MEASURES[measure][0])


def running_loss(losses: Sequence[tuple[float, float]], height: int) -> go.Figure:
    """The loss within epochs, as the process records it about once a second."""
    import plotly.graph_objects as go

    figure = go.Figure(layout={"height": height, "margin": {"l": 8, "r": 8, "t": 36, "b": 8}, "showlegend": False})
    x, y = zip(*losses, strict=True) if losses else ((), ())
    figure.add_scatter(x=x, y=y, mode="lines", line={"color": LEVEL_COLOUR, "width": 2})
    return figure.update_xaxes(title="epoch").update_yaxes(title="loss of a batch")
