"""Length of a run: steps that are asked for, or as many as fit into the minutes that are.

A budget in minutes is turned into steps once, by a rehearsal: a few steps are taken and timed, an epoch's end is measured and timed, and
everything that they changed is put back. Where treatment starts later, steps before it and under it are timed, and the detector's look at
all images as well: a treated step may take several times as long. So the schedule runs over steps like that of any other run, and
`--minutes` that came to N steps gives the weights of `--steps N`. A resumed run keeps its N.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch

from samekind.core.text import counted, duration
from samekind.data.loader import Batch
from samekind.training.config.schedule import ScheduleSettings
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.diagnostics.probe import BatchLook
from samekind.training.engine.step_figures import StepFigures
from samekind.training.engine.trainer import Trainer

WARM_UP, TIMED = 3, 10
"""Steps before timing (workers start, memory is allocated, kernels are chosen), and steps that are timed."""
SHARE_FOR_TIMING = 0.1
"""Of the budget; where steps are slow, fewer are timed."""
WORTH_SAYING = 10.0  # seconds that are left
REHEARSED_STEPS = 2
"""Steps of the schedule that is rehearsed: step 0 is the start of a run, before any treatment, and step 1 its end."""


RECORDS = 20
"""Records of a run, besides the first: each is measured, saved and told. Small corpora train for hundreds of epochs of a step or two, whose
measurements would take longer than their steps."""


def asked_steps(settings: ScheduleSettings, an_epoch: int) -> int | None:
    """Steps of the whole run; `None` where minutes decide. `an_epoch` is the number of steps an epoch."""
    if settings.minutes is not None:
        return None
    return settings.steps or settings.epochs * an_epoch


def steps_within(seconds: float, a_step: float, a_record: float, an_epoch: int) -> int:
    """Steps that fit into a time, at least 1.

    Args:
        seconds: that are left.
        a_step: seconds a step, on average over the run, the detector's look at all images included.
        a_record: seconds that a record takes: what is measured at its end, and the probe's look at the steps of its last epoch.
        an_epoch: steps an epoch.
    """
    by_epoch, by_run = seconds / (a_step + a_record / an_epoch), (seconds - (RECORDS + 1) * a_record) / a_step
    return max(1, int(max(by_epoch, by_run)))


def spans(done: int, epochs: int) -> Iterator[range]:
    """The epochs of each record to come, 0-based: one alone in a short run, otherwise as many as leave `RECORDS` beside the first.

    Args:
        done: epochs that records tell of already.
        epochs: of the run.
    """
    start = done
    for epoch in range(done, epochs):
        if epoch == 0 or (epoch + 1) * RECORDS // epochs > epoch * RECORDS // epochs:
            yield range(start, epoch + 1)
            start = epoch + 1


class Pace:
    """Seconds a step, from the steps of this sitting after the first few, and seconds from the last step of an epoch to its end."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._ends: list[float] = []
        self._told = False

    def add(self, seconds: float) -> None:
        """One step more."""
        self._seconds.append(seconds)

    def renew(self) -> None:
        """Times steps anew, and tells them again: from here on they take another time."""
        self._seconds, self._told = [], False

    def add_end(self, seconds: float) -> None:
        """One measurement more, with what is saved after it."""
        self._ends.append(seconds)

    @property
    def is_known(self) -> bool:
        """True from the step on at which enough have been timed."""
        return len(self._seconds) >= WARM_UP + TIMED

    @property
    def a_step(self) -> float:
        """Mean over the timed steps; where there is none after the first few, over all but the first, which starts workers or compiles."""
        timed = self._seconds[WARM_UP:] or self._seconds[1:] or self._seconds
        return sum(timed) / len(timed)

    @property
    def an_end(self) -> float:
        """Mean over the ends that were timed; 0 before the first."""
        return sum(self._ends) / max(1, len(self._ends))

    def news(self, steps: int, ends: int) -> str:
        """How long the rest of a run takes: once it is known, and once more if the ends of epochs turn out to be a tenth of it, or steps
        were timed anew; otherwise empty, and where it is a trifle.

        Args:
            steps: that are left.
            ends: of epochs that are left.
        """
        rest = steps * self.a_step + ends * self.an_end if self.is_known else 0.0
        if rest <= WORTH_SAYING or (self._told and (len(self._ends) != 1 or ends * self.an_end < rest / 10)):
            return ""
        self._told = True
        measured = f" and {self.an_end:.2f} s a measurement" if self._ends and ends else ""
        unknown = f" and {counted(ends, 'measurement')}" if ends and not self._ends else ""
        return (
            f"{counted(steps, 'step')} to go at {self.a_step:.2f} s a step{measured}: about {duration(rest)}{unknown}"
        )


def step_at(
    step: int, trainer: Trainer, tracker: FalseNegativeTracker, look: BatchLook | None = None
) -> Callable[[Batch], object]:
    """Takes a batch as this step of the run, and waits for its end; with the probe's look, if it is given."""
    figures = StepFigures(trainer.accelerator.device)

    def take(batch: Batch) -> None:
        figures.add(step, trainer.step(batch, step, tracker, look))
        figures.read()

    return take


def rehearse(take: Callable[[Batch], object], batches: Iterable[Batch], is_over: Callable[[float], bool]) -> Pace:
    """Times steps.

    Args:
        take: takes a step.
        batches: at least one.
        is_over: says after a step, given the seconds since the start, that there is no time for another; not asked after the first.
    """
    pace, started = Pace(), time.perf_counter()
    last = started
    for number, batch in enumerate(batches):
        take(batch)
        now = time.perf_counter()
        pace.add(now - last)
        last = now
        if pace.is_known or (number and is_over(now - started)):
            break
    return pace


@contextmanager
def put_back(trainer: Trainer) -> Iterator[None]:
    """Restores weights, optimiser, detector and random numbers as they were."""
    modules = {name: value.clone() for name, value in trainer.modules.state_dict().items()}
    optimizer = copy.deepcopy(trainer.optimizer.state_dict())
    cuda = [torch.cuda.current_device()] if trainer.accelerator.device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        yield
    trainer.modules.load_state_dict(modules)
    trainer.optimizer.load_state_dict(optimizer)
