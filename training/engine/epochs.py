"""The epochs of a run: steps, a record an epoch (or of several together), a checkpoint every half minute, and a clean stop on Ctrl-C."""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from samekind.data.loader import Batch, ViewLoader
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.diagnostics.health import collapse_line
from samekind.training.diagnostics.health_sample import HealthSample, draw_health_sample
from samekind.training.diagnostics.probe import BatchLook
from samekind.training.engine.budget import (
    REHEARSED_STEPS,
    SHARE_FOR_TIMING,
    Pace,
    asked_steps,
    put_back,
    rehearse,
    spans,
    step_at,
    steps_within,
)
from samekind.training.engine.context import RunContext, view_loader
from samekind.training.engine.epoch_record import (
    continued_line,
    epoch_line,
    first_line,
    measure,
    still_rising_line,
    task_of,
)
from samekind.training.engine.interrupt import interruptible
from samekind.training.engine.loss import Loss
from samekind.training.engine.schedule import Schedule
from samekind.training.engine.step_figures import Statistics, StepFigures
from samekind.training.engine.trainer import Trainer
from samekind.training.false_negatives.detection_space import detection_space
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.features.feature_encoder import Trainable
from samekind.training.features.views import view_maker
from samekind.training.hold_out import held_out_by
from samekind.training.runtime.artefact import write_history
from samekind.training.runtime.checkpoint import Counters
from samekind.training.runtime.processes import agreed, any_of, from_first
from samekind.training.runtime.tensorboard import open_tensorboard
from samekind.training.training_set import measured_labels

SECONDS_BETWEEN_CHECKPOINTS = 30.0


def train_epochs(context: RunContext, encoder: Trainable, loss: Loss) -> Counters:
    """Trains `encoder` in place from the last checkpoint of the run, or from the start, to the last step.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state was saved.
        ArtefactError: the checkpoint is damaged.
        SamekindError: the loss is not finite.
    """
    config, board = context.config, open_tensorboard(context.out) if context.is_first else nullcontext(_nowhere)
    with closing(view_loader(context, encoder, loss)) as loader, board as log, interruptible() as interrupted:
        asked = asked_steps(config, len(loader))
        schedule = Schedule(asked or REHEARSED_STEPS, config.learning_rate, config.warmup)
        trainer = Trainer(config, encoder, loss, schedule, context.accelerator)
        counters = trainer.resume(context.out, context.digest)
        figures = StepFigures(context.accelerator.device)
        sample = draw_health_sample(context.images, config, view_maker(context.images, config, encoder.spec).batch)
        loop = _EpochLoop(context, trainer, loader, counters, interrupted, sample, figures)
        total = asked or loop.steps_in_time()
        trainer.schedule = replace(schedule, total_steps=total)
        epochs = math.ceil(total / len(loader))
        context.progress.print(first_line(context, encoder, total, epochs, bfloat16=trainer.bfloat16))
        if counters.step:
            context.progress.print(continued_line(counters, total, context.processes))
        if loader.note:
            context.progress.print(loader.note)
        for span in spans(loop.epochs_done, epochs):
            record = loop.run(span, epochs)
            log(record)
            context.progress.print(epoch_line(record, epochs, held_out_by(config)))
            if collapsed := collapse_line(counters.history):
                context.progress.print(collapsed)
        trainer.finish()
    if rising := still_rising_line(counters.history, len(context.images.hold_out), held_out_by(config)):
        context.progress.print(rising)
    return counters


def _nowhere(record: dict[str, Any]) -> None:
    """The first process alone draws."""


@dataclass(frozen=True)
class _EpochLoop:
    context: RunContext
    trainer: Trainer
    loader: ViewLoader
    counters: Counters
    interrupted: threading.Event
    sample: HealthSample
    figures: StepFigures
    pace: Pace = field(default_factory=Pace)

    @property
    def epochs_done(self) -> int:
        """Epochs that the records so far tell of."""
        return int(self.counters.history[-1]["epoch"]) if self.counters.history else 0

    def run(self, span: range, epochs: int) -> dict[str, Any]:
        """Takes the steps of some epochs that have not been taken yet, and returns their record."""
        statistics = self._statistics()
        self._take_steps(span, epochs, statistics)
        self._sum_up(self.figures.read())
        started = time.perf_counter()
        record = self._record(span, statistics)
        self._close(record)
        self.pace.add_end(time.perf_counter() - started)
        self._tell_pace(span.stop, epochs)
        return record

    def steps_in_time(self) -> int:
        """Steps that the budget in minutes comes to: as the checkpoint has it, or else by a rehearsal that leaves everything as it was."""
        if self.counters.total_steps is None:
            self.counters.total_steps = agreed(self.context.accelerator, self._rehearse())
            self._save()
        return self.counters.total_steps

    def _rehearse(self) -> int:
        """Times what a run is made of: steps before treatment and under it, the looks of detector and probe, and an epoch's end."""
        started, statistics = time.perf_counter(), self._statistics()
        trainer, an_epoch, budget = self.trainer, len(self.loader), 60 * (self.context.config.minutes or 0.0)
        untreated = trainer.loss.untreated_share
        phases = [step for step, share in enumerate((untreated, 1 - untreated)) if share > 0]
        is_probed = self.context.probe is not None  # in all processes, or in none; the first alone looks
        most_seconds = SHARE_FOR_TIMING * budget / (len(phases) + is_probed)

        def is_over(seconds: float) -> bool:
            return any_of(trainer.accelerator, seconds > most_seconds or self.interrupted.is_set())[0]

        a_step, a_look = [0.0] * REHEARSED_STEPS, 0.0
        with put_back(trainer), closing(self.loader.epochs()) as batches:

            def timed_step(step: int, look: BatchLook | None = None) -> float:
                return rehearse(step_at(step, trainer, statistics.tracker, look), batches, is_over).a_step

            for step in phases:
                a_look = self._timed_look(step)
                a_step[step] = timed_step(step)
            last = phases[-1]
            looked_at = max(0.0, timed_step(last, statistics.look) - a_step[last]) if is_probed else 0.0
            timed = time.perf_counter()
            measure(self.context, trainer.encoder, trainer.loss.hardness(0.0), statistics.look, self.sample)
            a_record = time.perf_counter() - timed + an_epoch * looked_at
        if any_of(trainer.accelerator, self.interrupted.is_set())[0]:
            raise KeyboardInterrupt
        left = budget - (time.perf_counter() - started)
        mean_step = untreated * a_step[0] + (1 - untreated) * a_step[1]
        return steps_within(left, mean_step + (1 - untreated) * a_look / an_epoch, a_record, an_epoch)

    def _timed_look(self, step: int) -> float:
        """Seconds of the detector's look at all images before a step; 0 where it takes none."""
        started = time.perf_counter()
        detector = self._looking_detector(step)
        if detector is not None:
            self._show_images(detector)
        return time.perf_counter() - started

    def _take_steps(self, span: range, epochs: int, statistics: Statistics) -> None:
        an_epoch, total = len(self.loader), self.trainer.schedule.total_steps
        first, last = span.start * an_epoch, min(span.stop * an_epoch, total)
        with self.context.progress.task(task_of(span, epochs), last - first) as task:
            task.advance(self.counters.step - first)
            started = saved = time.perf_counter()
            for epoch, batch in self._batches(last):
                if self._starts_treatment():
                    self.pace.renew()
                    # a loss that is not finite is said before a detector meets its images
                    self._sum_up(self.figures.read())
                self._refresh_detector(epoch)
                look = statistics.look if epoch == span.stop - 1 else None  # as if each epoch had a record
                figures = self.trainer.step(batch, self.counters.step, statistics.tracker, look)
                now = time.perf_counter()
                self._count(batch, now - started)
                self._sum_up(read := self.figures.add(self.counters.step - 1, figures))
                if not self.pace.is_known:
                    self.pace.add(now - started)
                    self._tell_pace(span.start, epochs)
                started = now
                if read:
                    task.note(f"loss {read[-1]['loss']:.3f}")
                task.advance()
                is_due = now - saved > SECONDS_BETWEEN_CHECKPOINTS
                interrupted, is_due = any_of(self.context.accelerator, self.interrupted.is_set(), is_due)
                if interrupted or is_due:
                    self._sum_up(self.figures.read())
                    statistics.keep(self.counters)
                    self._save()
                    saved = now
                if interrupted:
                    raise KeyboardInterrupt

    def _batches(self, last: int) -> Iterator[tuple[int, Batch]]:
        """Epoch and batch of the steps to come, up to this one; whoever takes a batch counts its step."""
        an_epoch = len(self.loader)
        while self.counters.step < last:
            epoch, done = divmod(self.counters.step, an_epoch)
            ahead = min(an_epoch, last - epoch * an_epoch)
            for batch in itertools.islice(self.loader.epoch(epoch, start_batch=done), ahead - done):
                yield epoch, batch

    def _statistics(self) -> Statistics:
        """Counts of the epoch so far, as the last checkpoint has them."""
        labels, _ = measured_labels(self.context.images, self.context.config)
        probe = self.context.probe if self.context.is_first else None
        look = None if probe is None else BatchLook(probe, self.counters.probe)
        return Statistics(FalseNegativeTracker(labels, dict(self.counters.tracker)), look)

    def _count(self, batch: Batch, seconds: float) -> None:
        """Adds a step to the counters, but for what it found."""
        self.counters.step += 1
        images = len(batch.index)
        step = {"batches": 1, "pairs": images * self.context.processes, "candidates": images, "seconds": seconds}
        self._sum_up([step])

    def _sum_up(self, figures: Iterable[dict[str, float]]) -> None:
        for name, value in ((name, value) for each in figures for name, value in each.items()):
            self.counters.sums[name] = self.counters.sums.get(name, 0.0) + value

    def _tell_pace(self, done: int, epochs: int) -> None:
        left = self.trainer.schedule.total_steps - self.counters.step
        if news := self.pace.news(left, sum(1 for _ in spans(done, epochs))):
            self.context.progress.print(news)

    def _starts_treatment(self) -> bool:
        """True at the first treated step, if steps before it were none: it may take several times as long."""
        step, loss, schedule = self.counters.step, self.trainer.loss, self.trainer.schedule
        return step > 0 and loss.is_treating(schedule.progress(step)) > loss.is_treating(schedule.progress(step - 1))

    def _refresh_detector(self, epoch: int) -> None:
        """Shows the detector all images, once an epoch from the step on at which treatment starts."""
        detector = self._looking_detector(self.counters.step)
        if detector is not None and int(detector.refreshed) <= epoch:
            self._show_images(detector)
            detector.refreshed.fill_(epoch + 1)

    def _looking_detector(self, step: int) -> Detector | None:
        """The detector, if a step treats what it finds, and it has to have seen all images for that."""
        loss = self.trainer.loss
        if loss.detector is None or not loss.detector.reads_embeddings:
            return None
        return loss.detector if loss.is_treating(self.trainer.schedule.progress(step)) else None

    def _show_images(self, detector: Detector) -> None:
        """Shows a detector all images as they are embedded now."""
        if self.context.is_first:
            space = detection_space(self.trainer.encoder, self.context.images, self.context.progress)
            self.trainer.loss.refresh_detector(space.embeddings)
        from_first(self.context.accelerator, detector.buffers())

    def _record(self, span: range, statistics: Statistics) -> dict[str, Any]:
        """The sums over some epochs as the record of the last of them."""
        schedule, sums, last = self.trainer.schedule, self.counters.sums, self.counters.step - 1
        beta = self.trainer.loss.hardness(schedule.progress(last))
        with self.trainer.averaged():
            measured = measure(self.context, self.trainer.encoder, beta, statistics.look, self.sample)
        return {
            "epoch": span.stop,
            "loss": sums["loss"] / sums["batches"],
            "knn_accuracy": measured.knn_accuracy,
            "pairs_per_second": sums["pairs"] / sums["seconds"],
            "learning_rate": schedule.learning_rate(last),
            "seconds": sums["seconds"],
            "mi_bound": sums["mi_bound"] / sums["batches"],
            "mi_cap": math.log(sums["candidates"] / sums["batches"]),
            **statistics.tracker.record(),
            "health": measured.health,
            "probe": measured.probe,
        }

    def _close(self, record: dict[str, Any]) -> None:
        """Ends a span: its record joins the history, its sums start from zero, and both are saved."""
        self.counters.history.append(record)
        self.counters.seconds += record["seconds"]
        self.counters.sums, self.counters.tracker, self.counters.probe = {}, {}, {}
        self._save()
        if self.context.is_first:
            write_history(self.context.out, self.counters.history)

    def _save(self) -> None:
        self.trainer.save(self.context.out, self.counters)
        if self.context.copy is not None:
            self.context.copy.follow()
