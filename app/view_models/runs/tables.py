"""Tables of the page *Runs*: one run a row, and two or three of them beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from samekind.core.text import UNDEFINED, one_line, percent

if TYPE_CHECKING:
    from samekind import runs

KNN, HOLD_OUT = "k-NN", "hold-out"
STATES = {
    "running": "● running",
    "done": "✓ done",
    "stopped": "■ stopped",
    "failed": "✗ failed",
    "broken off": "✗ broken off",
    "not finished": "… not finished",
    "not indexed": "… not indexed",
}
MEANINGS = {
    "not finished": "A training at the command line that is under way or was interrupted; its own command continues it.",
    "not indexed": "Trained, but without an index there is nothing to look at yet: samekind index makes one.",
    "broken off": "Its process ended without a word: it was killed, or the machine was switched off.",
}


def state_text(state: str) -> str:
    """A run's state with a sign before it, so that it is told by more than its colour."""
    return STATES.get(state, state)


def run_rows(found: Sequence[runs.RunRecord], current: str, measured: float | None = None) -> list[dict[str, str]]:
    """One row a run, in the order given; the one that is looked at is marked.

    Args:
        found: the runs.
        current: name of the one that is looked at.
        measured: its k-NN accuracy, where it was measured just now and no file has it.
    """
    return [
        {
            "Run": one_line(run.name) + ("  (shown)" if run.name == current else ""),
            "State": state_text(run.state),
            "k-NN": percent(run.figures.get(KNN, measured if run.name == current else None)),
            "Hold-out": percent(run.hold_out),
            "Objective": one_line(run.method or "not trained here"),
            "Encoder": one_line(run.encoder or UNDEFINED),
            "Images": UNDEFINED if run.images is None else f"{run.images:,}",
            "Steps": UNDEFINED if run.steps is None else f"{run.steps:,}",
            "Time": duration(run.seconds),
        }
        for run in found
    ]


def duration(seconds: float | None) -> str:
    """Seconds as people read them."""
    if seconds is None:
        return UNDEFINED
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def comparison_rows(
    found: Sequence[runs.RunRecord], differing: Mapping[str, Sequence[Any]], names: Sequence[str]
) -> list[dict[str, str]]:
    """A row for each figure that any run has, and for each setting in which they differ.

    Args:
        found: the runs.
        differing: what `runs.differing_settings` found.
        names: the runs' names, as the columns show them.
    """
    figures = dict.fromkeys(name for run in found for name in run.figures)
    rows = {
        "objective": [run.method or "not trained here" for run in found],
        "encoder": [run.encoder or UNDEFINED for run in found],
        **{f"{name}, test images": [percent(run.figures.get(name)) for run in found] for name in figures},
        "k-NN, held-out images": [percent(run.hold_out) for run in found],
        "images": [UNDEFINED if run.images is None else f"{run.images:,}" for run in found],
        "steps": [UNDEFINED if run.steps is None else f"{run.steps:,}" for run in found],
        "time": [duration(run.seconds) for run in found],
    }
    rows = {name: values for name, values in rows.items() if any(value != UNDEFINED for value in values)}
    # Of settings only those that no row above has: a run that was not trained here differs in all of them.
    trained = [run for run in found if run.settings]
    if len(trained) == len(found):
        rows |= {name: [_value(each) for each in values] for name, values in differing.items() if name not in rows}
    columns = [one_line(name) for name in names]
    return [{"": name, **dict(zip(columns, map(one_line, values), strict=True))} for name, values in rows.items()]


def distinct(names: Sequence[str]) -> list[str]:
    """Names as columns of a table: on one line, and no two alike."""
    shown: list[str] = []
    for name in map(one_line, names):
        shown.append(name if name not in shown else f"{name} ({len(shown) + 1})")
    return shown


def figures_note(found: Sequence[runs.RunRecord]) -> str:
    """What a reader of the figures must know; empty if nothing keeps them from being compared."""
    contents = {run.content for run in found if run.content}
    if len(contents) > 1 or len({run.images for run in found}) > 1:
        return "These runs are of different images, so their figures cannot be compared."
    return ""


def _value(value: Any) -> str:
    return UNDEFINED if value is None else f"{value:g}" if isinstance(value, float) else str(value)
