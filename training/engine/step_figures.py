"""What steps add to an epoch's figures: read from the device without making a step wait for itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from samekind.core.errors import SamekindError
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.diagnostics.probe import BatchLook
from samekind.training.runtime.checkpoint import Counters


@dataclass(frozen=True)
class Statistics:
    """Counts of an epoch that are more than sums over its steps."""

    tracker: FalseNegativeTracker
    look: BatchLook | None

    def keep(self, counters: Counters) -> None:
        """Writes both to where a checkpoint takes them from."""
        counters.tracker = self.tracker.totals
        counters.probe = {} if self.look is None else self.look.tally.state


class StepFigures:
    """Figures of steps whose device may still be at work on them.

    A GPU is handed its work ahead of time. Whoever asks it for a figure waits until all of that is done, and then it idles until the next
    step has been prepared. So a step's figures are sent to the CPU behind its other work, and read when the next step has been handed over;
    on other devices they are read at once.

    Args:
        device: that the steps are taken on.
    """

    def __init__(self, device: torch.device) -> None:
        self._is_ahead = device.type == "cuda"
        self._unread: list[tuple[int, dict[str, Tensor], Callable[[], object]]] = []

    def add(self, step: int, figures: dict[str, Tensor]) -> list[dict[str, float]]:
        """Takes a step's figures, among them `loss`, and returns those that are read now, in the order of steps.

        Raises:
            SamekindError: a loss is not finite.
        """
        arrive: Callable[[], object] = _at_once
        if self._is_ahead:
            figures = {
                name: value.to("cpu", non_blocking=True) for name, value in figures.items()
            }  # into page-locked memory
            event = torch.cuda.Event()
            event.record()
            arrive = event.synchronize
        self._unread.append((step, figures, arrive))
        return self.read(leave=1 if self._is_ahead else 0)

    def read(self, leave: int = 0) -> list[dict[str, float]]:
        """Reads what has not been read yet, but for the last `leave`; all before anything is saved or told.

        Raises:
            SamekindError: a loss is not finite.
        """
        found = []
        while len(self._unread) > leave:
            step, figures, arrive = self._unread.pop(0)
            arrive()
            read = {name: value.item() for name, value in figures.items()}
            check_finite(read["loss"], step)
            found.append(read)
        return found


def _at_once() -> None:
    """Nothing to wait for: whoever reads waits."""


def check_finite(loss: float, step: int) -> None:
    """Refuses a loss that is not finite.

    Raises:
        SamekindError: it is not.
    """
    if not math.isfinite(loss):
        raise SamekindError(
            f"the loss became {loss} at step {step}",
            hint="lower --learning-rate or raise --temperature, and start over with --force",
        )
