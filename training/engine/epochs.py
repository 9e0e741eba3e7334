"""The epochs of a run: steps, a record an epoch, a checkpoint every half minute, and a clean stop on Ctrl-C."""

from __future__ import annotations

import itertools
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from samekind.core.progress import Progress
from samekind.data.loader import ViewLoader
from samekind.data.views.policies import policy_for
from samekind.data.views.two_view import TwoViewTransform
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.diagnostics.epoch_space import epoch_accuracy, epoch_space, sample_look
from samekind.training.diagnostics.gradient_weights import gradient_weights_of
from samekind.training.diagnostics.probe import BatchLook, Probe
from samekind.training.engine.loss import Loss
from samekind.training.engine.trainer import Trainer
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detection_space import detection_space
from samekind.training.models.encoder import Encoder
from samekind.training.runtime import checkpoint
from samekind.training.runtime.artefact import write_history
from samekind.training.runtime.checkpoint import Counters
from samekind.training.runtime.devices import choose_device
from samekind.training.runtime.processes import accelerator_on, any_of, from_first
from samekind.training.runtime.tensorboard import open_tensorboard
from samekind.training.training_set import TrainingImages, measured_labels

SECONDS_BETWEEN_CHECKPOINTS = 30.0


def train_epochs(
    config: TrainConfig,
    images: TrainingImages,
    encoder: Encoder,
    loss: Loss,
    out: Path,
    run: str,
    progress: Progress,
    probe: Probe | None = None,
) -> Counters:
    """Trains `encoder` in place from the last checkpoint in `out`, or from the start, to the last step, and looks at `probe` on the way.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM, after the state was saved.
        ArtefactError: the checkpoint is damaged.
        SamekindError: the loss is not finite.
    """
    accelerator = accelerator_on(choose_device(config.device))
    share = accelerator.process_index, accelerator.num_processes
    board = open_tensorboard(out) if accelerator.is_main_process else nullcontext(_nowhere)
    with (
        closing(_loader(config, images, encoder, share, loss.constraints)) as loader,
        board as log,
        _interruptible() as interrupted,
    ):
        total_steps = config.steps or config.epochs * len(loader)
        trainer = Trainer(config, encoder, total_steps, loss)
        session = _Session(trainer, loader, images, out, progress, interrupted, Counters(run), probe)
        if checkpoint.exists(out):
            session.counters = checkpoint.load(out, run, trainer.modules, trainer.optimizer)
        if session.counters.bfloat16 is None:
            session.counters.bfloat16 = trainer.bfloat16
        trainer.bfloat16 = session.counters.bfloat16
        epochs = math.ceil(total_steps / len(loader))
        progress.print(_first_line(trainer, images, epochs))
        if session.counters.step:
            progress.print(f"going on from step {session.counters.step} of {trainer.total_steps}")
        for epoch in range(len(session.counters.history), epochs):
            session.train_epoch(epoch, epochs)
            record = session.close_epoch(epoch)
            log(record)
            progress.print(_line(record, epochs))
    return session.counters


def _nowhere(record: dict[str, Any]) -> None:
    """The first process alone draws."""


def _loader(
    config: TrainConfig, images: TrainingImages, encoder: Encoder, share: tuple[int, int], known: PairConstraints | None
) -> ViewLoader:
    kinds = None if known is None else known.unit.numpy()
    channels = images.corpus.channels
    policy = policy_for(images.corpus.name, channels, config.strength)
    transform = TwoViewTransform(encoder.spec.image_size, channels, policy)
    workers = _automatic_workers() if config.workers is None else config.workers
    return ViewLoader(
        images.pixels[images.fit], transform, config.images_a_step, config.seed, workers, share=share, groups=kinds
    )


def _automatic_workers() -> int:
    """One process that makes views beside the one that trains, more where there are cores to spare."""
    return max(1, min(8, (os.cpu_count() or 1) - 1))


@dataclass
class _Session:
    trainer: Trainer
    loader: ViewLoader
    images: TrainingImages
    out: Path
    progress: Progress
    interrupted: threading.Event
    counters: Counters
    probe: Probe | None

    def train_epoch(self, epoch: int, epochs: int) -> None:
        """Takes the steps of one epoch that have not been taken yet."""
        labels, _ = measured_labels(self.images, self.trainer.config)
        look = BatchLook(self.probe, self.counters.probe) if self.probe is not None and self.is_first else None
        tracker = FalseNegativeTracker(labels, self.counters.tracker, look)
        done = self.counters.step - epoch * len(self.loader)
        ahead = min(len(self.loader), self.trainer.total_steps - epoch * len(self.loader))
        with self.progress.task(f"epoch {epoch + 1}/{epochs}", ahead) as task:
            task.advance(done)
            started = saved = time.perf_counter()
            for batch in itertools.islice(self.loader.epoch(epoch, start_batch=done), ahead - done):
                self._refresh_detector(epoch)
                figures = self.trainer.step(batch, self.counters.step, tracker)
                self.counters.step += 1
                now = time.perf_counter()
                self._add(
                    {
                        **figures,
                        "batches": 1,
                        "pairs": len(batch.index) * self.processes,
                        "candidates": len(batch.index),
                        "seconds": now - started,
                    }
                )
                started = now
                task.advance()
                task.note(f"loss {figures['loss']:.3f}")
                interrupted = any_of(self.trainer.accelerator, self.interrupted.is_set())
                if interrupted or now - saved > SECONDS_BETWEEN_CHECKPOINTS:
                    self._keep(look)
                    self._save()
                    saved = now
                if interrupted:
                    raise KeyboardInterrupt
        self._keep(look)

    def _keep(self, look: BatchLook | None) -> None:
        """Puts what the probe has seen of the epoch where checkpoint and record take it from."""
        self.counters.probe = {} if look is None else look.tally.state

    def _refresh_detector(self, epoch: int) -> None:
        """Shows the detector all images, once an epoch from the step on at which treatment starts."""
        detector, progress = self.trainer.loss.detector, self.trainer.progress(self.counters.step)
        if detector is None or not detector.reads_embeddings or not self.trainer.loss.is_treating(progress):
            return
        if int(detector.refreshed) <= epoch:
            if self.is_first:
                space = detection_space(self.trainer.encoder, self.images)
                self.trainer.loss.refresh_detector(space.embeddings)
            from_first(self.trainer.accelerator, detector.buffers())
            detector.refreshed.fill_(epoch + 1)

    def close_epoch(self, epoch: int) -> dict[str, Any]:
        """Turns the epoch's sums into its record, and saves both."""
        sums = self.counters.sums
        accuracy, probe = self._measured()
        record: dict[str, Any] = {
            "epoch": epoch + 1,
            "loss": sums["loss"] / sums["batches"],
            "knn_accuracy": accuracy,
            "pairs_per_second": sums["pairs"] / sums["seconds"],
            "learning_rate": self.trainer.learning_rate(self.counters.step - 1),
            "seconds": sums["seconds"],
            "mi_bound": sums["mi_bound"] / sums["batches"],
            "mi_cap": math.log(sums["candidates"] / sums["batches"]),
            **FalseNegativeTracker(self.images.labels, self.counters.tracker).record(),
            "probe": probe,
        }
        self.counters.history.append(record)
        self.counters.seconds += sums["seconds"]
        self.counters.sums, self.counters.tracker, self.counters.probe = {}, {}, {}
        self._save()
        if self.is_first:
            write_history(self.out, self.counters.history)
        return record

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that measures and writes."""
        return bool(self.trainer.accelerator.is_main_process)

    @property
    def processes(self) -> int:
        """How many share a batch."""
        return int(self.trainer.accelerator.num_processes)

    def _measured(self) -> tuple[float | None, dict[str, Any] | None]:
        """Accuracy on the hold-out and what the probe shows, both from one embedding; `None` where there is nothing to measure with."""
        images, config = self.images, self.trainer.config
        if not self.is_first or images.labels is None or (self.probe is None and len(images.hold_out) == 0):
            return None, None
        space = epoch_space(self.trainer.encoder, images, config)
        accuracy = epoch_accuracy(space, images)
        if self.probe is None:
            return accuracy, None
        beta = self.trainer.loss.hardness(self.trainer.progress(self.counters.step - 1))
        gradient_weights = gradient_weights_of(config.objective, config.temperature, beta)
        met = self.probe.record(self.probe.tally(self.counters.probe))
        looks = {"objective": met, "sample": sample_look(space, self.probe, gradient_weights)}
        return accuracy, {"label_level": self.probe.label_level, **looks}

    def _save(self) -> None:
        if self.is_first:
            checkpoint.save(self.out, self.trainer.modules, self.trainer.optimizer, self.counters)

    def _add(self, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.counters.sums[name] = self.counters.sums.get(name, 0.0) + value


def _first_line(trainer: Trainer, images: TrainingImages, epochs: int) -> str:
    """What is about to be done, on what, before the first epoch gives figures."""
    a_step = min(trainer.config.images_a_step, len(images.fit))
    steps, processes = trainer.total_steps, int(trainer.accelerator.num_processes)
    held_out = f" ({len(images.hold_out):,} held out)" if len(images.hold_out) else ""
    machine = [trainer.accelerator.device.type, "bfloat16" if trainer.bfloat16 else "float32"]
    return " · ".join(
        [
            f"training on {len(images.fit):,} images{held_out}",
            f"{steps:,} {'step' if steps == 1 else 'steps'} of {a_step:,} in {epochs:,} {'epoch' if epochs == 1 else 'epochs'}",
            trainer.config.method,
            ", ".join([*machine, *([f"{processes} processes"] if processes > 1 else [])]),
        ]
    )


def _line(record: dict[str, Any], epochs: int) -> str:
    parts = [f"epoch {record['epoch']}/{epochs}", f"loss {record['loss']:.3f}"]
    if record["knn_accuracy"] is not None:
        parts.append(f"k-NN {record['knn_accuracy']:.4f} (hold-out)")
    rates = record["false_negative_rate"]
    if rates is not None and rates["10"] is not None:
        parts.append(f"false negatives @10 {rates['10']:.1%} (base rate {record['base_rate']:.1%})")
    parts += [f"{record['pairs_per_second']:.0f} pairs/s", f"{record['seconds']:.0f} s"]
    return " · ".join(parts)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Lets Ctrl-C and SIGTERM end the step in hand instead of tearing it; a second Ctrl-C is immediate."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def ask(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
