"""Sentences and figures of a training that is under way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from samekind.core.text import counted, percent

if TYPE_CHECKING:
    from samekind import runs

_EPOCH = re.compile(r"(epochs? [\d to]+)/(\d+)")
PHASES = {
    "begin": "starting",
    "train": "training",
    "index": "embedding the images into an index",
    "evaluate": "evaluating",
}
LOADING = "loading libraries and images, which takes up to a minute"


def progress(phase: str, step: runs.Step, num_epochs: int) -> tuple[float, str]:
    """Share of the present phase that is done, in [0, 1], and what is being done.

    Args:
        phase: of the launch.
        step: the work in hand.
        num_epochs: finished epochs.
    """
    doing = PHASES.get(phase, phase)
    part = min(step.done / step.total, 1.0) if step.total else 0.0
    found = _EPOCH.fullmatch(step.what)
    if phase != "train":
        return part, f"{doing} …"
    if found:
        return step.share, f"{doing}: {found[1]} of {found[2]}"
    if num_epochs or step.share:
        return step.share, f"{doing}: measuring after {counted(max(num_epochs, 1), 'epoch')}"
    return part, f"{step.what} …" if step.what else f"{LOADING} …"


def latest(history: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Figures of the last epoch by name, those that it has."""
    if not history:
        return {}
    last = history[-1]
    rates, loss = last.get("false_negative_rate") or {}, last.get("loss")
    found = {
        "Epochs": f"{last['epoch']}",
        "Loss": None if loss is None else f"{loss:.3f}",
        "Hold-out": None if last.get("knn_accuracy") is None else percent(last["knn_accuracy"]),
        "False negatives @10": None if rates.get("10") is None else percent(rates["10"]),
    }
    return {name: value for name, value in found.items() if value is not None}
