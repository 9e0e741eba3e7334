"""A whole run: decide whether to start, go on or keep; train; measure every epoch; finish into an artefact.

The order of writes makes a kill at any moment harmless: `meta.json` (unfinished) → checkpoints → `encoder.safetensors` → `meta.json`
(finished). The next start with the same settings finds the latest of them and goes on from there.
"""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from data.loader import ViewLoader
from data.views import TwoViewTransform, recipe_for

from data.corpus import Corpus
from data.errors import ArtefactError, InputError
from data.progress import NoProgress, Progress, Task
from training import checkpoint
from training.artefact import (
    FORMAT,
    META,
    METRICS,
    WEIGHTS,
    prepare_folder,
    read_history,
    read_meta,
    write_atomically,
    write_history,
    write_json,
)
from training.board import log_epoch
from training.checkpoint import Counters
from training.config import TrainConfig
from training.encoder import Encoder, EncoderSpec
from training.finish import epoch_accuracy, test_accuracy
from training.images import TrainingImages, load_training_images, training_corpus
from training.tracker import FalseNegativeTracker
from training.trainer import Trainer

SECONDS_BETWEEN_CHECKPOINTS = 30.0


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        out: its artefact.
        config: its settings.
        summary: what `samekind train --json` prints.
        kept: whether it had been finished before and nothing was trained.
    """

    out: Path
    config: TrainConfig
    summary: dict[str, Any]
    kept: bool = False

    @property
    def encoder(self) -> Encoder:
        """The trained encoder, read from the artefact."""
        return Encoder.load(self.out)

    @property
    def history(self) -> list[dict[str, Any]]:
        """One record an epoch, as in `metrics.jsonl`."""
        return read_history(self.out)


def train(
    corpus: Corpus,
    config: TrainConfig,
    out: str | Path,
    *,
    force: bool = False,
    resume: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Trains an encoder on a corpus' training split and writes it to an artefact.

    A finished run with the same settings is kept, an unfinished one goes on (bitwise on CPU).

    Args:
        corpus: the images; their labels are only measured with.
        config: the settings.
        out: folder of the artefact.
        force: throw away what another configuration left there.
        resume: insist on going on from a checkpoint.
        progress: shows bars and a line an epoch.

    Raises:
        ArtefactError: the folder cannot be written or holds a run with other settings.
        InputError: `resume` without a checkpoint.
        CorpusError: fewer than two training images.
        KeyboardInterrupt: Ctrl-C, after the state was saved.
    """
    out, progress = Path(out), progress or NoProgress()
    chosen = training_corpus(corpus, config)
    prepare_folder(out)
    identity = {"config": config.identity, "corpus": corpus.content_hash}
    if force:
        _clear(out)
    kept = _kept_run(out, config, identity)
    if kept is not None:
        return kept
    if resume and not checkpoint.exists(out):
        raise InputError(f"{out} holds no checkpoint to resume", hint="leave out --resume to start a new run")
    images = load_training_images(chosen, config, progress)
    torch.manual_seed(config.seed)
    encoder = Encoder(_spec(config, images))
    meta = _meta(config, corpus, identity, encoder)
    write_json(out / META, meta)
    counters = _train_epochs(config, images, encoder, out, progress)
    return _finish(corpus, config, images, encoder, counters, meta, out, progress)


def _train_epochs(
    config: TrainConfig, images: TrainingImages, encoder: Encoder, out: Path, progress: Progress
) -> Counters:
    """Runs from the last checkpoint, or from the start, to the last step."""
    recipe = recipe_for(images.corpus.name, images.corpus.channels) if config.recipe == "auto" else config.recipe
    transform = TwoViewTransform(encoder.spec.image_size, images.corpus.channels, recipe)
    loader = ViewLoader(
        images.pixels[images.fit], transform, config.batch_size, seed=config.seed, workers=config.workers
    )
    trainer = Trainer(config, encoder, total_steps=config.epochs * len(loader))
    counters = Counters()
    if checkpoint.exists(out):
        counters = checkpoint.load(out, trainer.modules, trainer.optimizer)
        progress.print(f"going on from step {counters.step} of {trainer.total_steps}")
    with _interruptible() as interrupted:
        for epoch in range(counters.step // len(loader), config.epochs):
            _train_epoch(epoch, trainer, loader, images, counters, out, progress, interrupted)
            _close_epoch(epoch, trainer, len(loader), images, counters, out, progress)
    return counters


def _train_epoch(
    epoch: int,
    trainer: Trainer,
    loader: ViewLoader,
    images: TrainingImages,
    counters: Counters,
    out: Path,
    progress: Progress,
    interrupted: threading.Event,
) -> None:
    labels = None if images.labels is None else images.labels[images.fit]
    tracker = FalseNegativeTracker(labels, counters.tracker)
    done = counters.step - epoch * len(loader)
    with progress.task(f"epoch {epoch + 1}/{trainer.config.epochs}", len(loader)) as task:
        task.advance(done)
        started = saved = time.perf_counter()
        for batch in loader.epoch(epoch, start_batch=done):
            figures = trainer.step(batch, counters.step, tracker)
            counters.step += 1
            now = time.perf_counter()
            _accumulate(counters, {**figures, "batches": 1, "pairs": len(batch.index), "seconds": now - started})
            started = now
            _show(task, figures)
            if interrupted.is_set() or now - saved > SECONDS_BETWEEN_CHECKPOINTS:
                checkpoint.save(out, trainer.modules, trainer.optimizer, counters)
                saved = now
            if interrupted.is_set():
                raise KeyboardInterrupt


def _show(task: Task, figures: dict[str, float]) -> None:
    task.advance()
    task.note(f"loss {figures['loss']:.3f}")


def _accumulate(counters: Counters, figures: dict[str, float]) -> None:
    for name, value in figures.items():
        counters.sums[name] = counters.sums.get(name, 0.0) + value


def _close_epoch(
    epoch: int,
    trainer: Trainer,
    batches: int,
    images: TrainingImages,
    counters: Counters,
    out: Path,
    progress: Progress,
) -> None:
    """Turns the epoch's sums into a record, and saves."""
    sums = counters.sums
    tracked = FalseNegativeTracker(images.labels, counters.tracker).record()
    record: dict[str, Any] = {
        "epoch": epoch + 1,
        "loss": sums["loss"] / sums["batches"],
        "knn_accuracy": epoch_accuracy(trainer.encoder, images, trainer.config),
        "pairs_per_second": sums["pairs"] / sums["seconds"],
        "learning_rate": trainer.learning_rate(counters.step - 1),
        "seconds": sums["seconds"],
        "mi_bound": sums["mi_bound"] / sums["batches"],
        "mi_cap": float(torch.tensor(sums["pairs"] / sums["batches"]).log()),
        **tracked,
    }
    counters.history.append(record)
    counters.seconds += sums["seconds"]
    counters.sums, counters.tracker = {}, {}
    checkpoint.save(out, trainer.modules, trainer.optimizer, counters)
    write_history(out, counters.history)
    log_epoch(out, record)
    progress.print(_line(record, trainer.config.epochs))


def _line(record: dict[str, Any], epochs: int) -> str:
    parts = [f"epoch {record['epoch']}/{epochs}", f"loss {record['loss']:.3f}"]
    if record["knn_accuracy"] is not None:
        parts.append(f"k-NN {record['knn_accuracy']:.4f} (hold-out)")
    rates = record["false_negative_rate"]
    if rates is not None and rates["10"] is not None:
        parts.append(f"false negatives @10 {rates['10']:.1%} (base rate {record['base_rate']:.1%})")
    parts += [f"{record['pairs_per_second']:.0f} pairs/s", f"{record['seconds']:.0f} s"]
    return " · ".join(parts)


def _finish(
    corpus: Corpus,
    config: TrainConfig,
    images: TrainingImages,
    encoder: Encoder,
    counters: Counters,
    meta: dict[str, Any],
    out: Path,
    progress: Progress,
) -> Run:
    """Fits the whitening, touches the test split for the first and only time, and writes the artefact."""
    encoder.eval()
    if config.whitening:
        encoder.whitening.fit(torch.from_numpy(encoder.features(images.pixels)), config.whitening)
    tested = test_accuracy(encoder, images, corpus, progress)
    weights = encoder.cpu().to_bytes()
    write_atomically(out / WEIGHTS, weights)
    write_history(out, counters.history)
    meta["encoder"] = {**asdict(encoder.spec), "fingerprint": encoder.fingerprint}
    meta["training"] = {
        "finished": True,
        "epochs": config.epochs,
        "steps": counters.step,
        "seconds": round(counters.seconds, 3),
        "num_train": len(images.fit),
        "num_hold_out": len(images.hold_out),
        **tested,
    }
    write_json(out / META, meta)
    return Run(out, config, _summary(out, meta))


def _summary(out: Path, meta: dict[str, Any]) -> dict[str, Any]:
    config, training = meta["config"], dict(meta["training"])
    training.pop("finished")
    return {
        "encoder": str(out),
        "objective": config["objective"],
        "seed": config["seed"],
        "preset": config["preset"],
        **training,
    }


def _spec(config: TrainConfig, images: TrainingImages) -> EncoderSpec:
    return EncoderSpec(
        backbone=config.backbone,
        image_size=images.pixels.shape[1],
        channels=images.corpus.channels,
        dim=config.embedding_dim if config.whitening else 0,
        mean=images.mean,
        std=images.std,
        width=config.width,
        stem_stride=config.stem_stride,
        pool=config.pool,
    )


def _meta(config: TrainConfig, corpus: Corpus, identity: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "identity": identity,
        "encoder": asdict(encoder.spec),
        "config": config.to_dict(),
        "corpus": {
            "name": corpus.name,
            "content_hash": corpus.content_hash,
            "num_images": len(corpus),
            "num_skipped": len(corpus.skipped),
            "source": corpus.source,
        },
        "training": {"finished": False},
    }


def _kept_run(out: Path, config: TrainConfig, identity: dict[str, Any]) -> Run | None:
    """The finished run that is already there; `None` if there is work to do.

    Raises:
        ArtefactError: the folder holds a run with other settings.
    """
    if not (out / META).is_file():
        return None
    meta = read_meta(out)
    if meta.get("identity") != identity:
        raise ArtefactError(
            f"{out} holds a run with another {_difference(meta.get('identity', {}), identity)}",
            hint="choose another --out, or replace it with --force",
        )
    if not (meta["training"]["finished"] and (out / WEIGHTS).is_file()):
        return None
    return Run(out, config, _summary(out, meta), kept=True)


def _difference(there: dict[str, Any], here: dict[str, Any]) -> str:
    if there.get("corpus") != here["corpus"]:
        return "corpus"
    old, new = there.get("config", {}), here["config"]
    changed = [name for name in new if old.get(name) != new[name]]
    return ", ".join(f"{name} ({old.get(name)} there, {new[name]} asked for)" for name in changed) or "configuration"


def _clear(out: Path) -> None:
    """Removes a run's own files; index and verdicts stay."""
    shutil.rmtree(out / checkpoint.CHECKPOINT.parent, ignore_errors=True)
    shutil.rmtree(out / "tensorboard", ignore_errors=True)
    for name in (META, METRICS, WEIGHTS):
        (out / name).unlink(missing_ok=True)


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
