"""Steps per second of a training, from a training that is begun and thrown away.

It listens to the bar of an epoch, so it times the steps alone: not the start, not the accuracy after each epoch.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import samekind
from samekind.core.progress import NoProgress, Task

if TYPE_CHECKING:
    from samekind.data.corpus import Corpus

STEPS_BEFORE = 3  # workers start, memory is allocated, kernels are chosen
LEAST_STEPS = 20


class EnoughError(Exception):
    """Ends the training."""


def steps_per_second(corpus: Corpus, config: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Times the steps of a training.

    Args:
        corpus: to train on.
        config: settings by name, with more epochs than fit into the time.
        seconds: to time for, and at least 20 steps.

    Returns:
        `steps_per_second`, and `timed_steps` that it is the mean of.
    """
    watch, overrides = Stopwatch(seconds), dict(config)
    with TemporaryDirectory(prefix="samekind-timing-") as folder, contextlib.suppress(EnoughError):
        train = corpus.split("train")
        samekind.train(train, overrides.pop("preset"), Path(folder) / "run", probe=False, progress=watch, **overrides)
    known = watch.counted or watch.steps
    return {"steps_per_second": len(known) / sum(known), "timed_steps": len(known)}


class Stopwatch(NoProgress):
    """Notes how long each step of a training took, and ends it once enough are known.

    Args:
        seconds: that the steps have to fill.
        least: steps that are counted at least.
    """

    def __init__(self, seconds: float, least: int = LEAST_STEPS) -> None:
        self.steps: list[float] = []
        self._seconds = seconds
        self._least = least

    @property
    def counted(self) -> list[float]:
        """Without the first few steps."""
        return self.steps[STEPS_BEFORE:]

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """Times the bar of an epoch, lets every other one pass."""
        if description.startswith(("epoch ", "epochs ")):
            yield _Lap(self)
        else:
            with super().task(description, total) as task:
                yield task

    def lap(self, seconds: float) -> None:
        """Adds a step.

        Raises:
            EnoughError: enough are known.
        """
        self.steps.append(seconds)
        if len(self.counted) >= self._least and sum(self.counted) >= self._seconds:
            raise EnoughError


class _Lap:
    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch
        self._last = time.perf_counter()

    def advance(self, steps: int = 1) -> None:
        """One step more; zero steps are the bar's beginning."""
        if steps:
            now = time.perf_counter()
            self._last, passed = now, now - self._last
            self._watch.lap(passed)

    def note(self, text: str) -> None:
        """Nothing to show."""
