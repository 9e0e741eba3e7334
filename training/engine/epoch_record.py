"""Record of an epoch, as in `metrics.jsonl`, and the lines that a run prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.nn.modules.batchnorm import _BatchNorm

from samekind.core.text import counted, duration
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.epoch_space import EpochSpace, epoch_accuracy, epoch_space, sample_look
from samekind.training.diagnostics.gradient_weights import gradient_weights_of
from samekind.training.diagnostics.health import Health
from samekind.training.diagnostics.health_sample import HealthSample
from samekind.training.diagnostics.probe import BatchLook, Probe
from samekind.training.engine.context import RunContext
from samekind.training.features.feature_encoder import Trainable
from samekind.training.hold_out import held_out_by, hold_out_size
from samekind.training.models.parameter_groups import blocks_of
from samekind.training.runtime.checkpoint import Counters
from samekind.training.training_set import TrainingImages


@dataclass(frozen=True)
class Measured:
    """What an epoch's space shows; `None` where there is nothing to measure with, and in all processes but the first.

    Attributes:
        knn_accuracy: on the hold-out.
        probe: figures of the probe.
        health: figures of `training.diagnostics.health`, which need no labels.
    """

    knn_accuracy: float | None = None
    probe: dict[str, Any] | None = None
    health: Health | None = None


def measure(
    context: RunContext, encoder: Trainable, beta: float, look: BatchLook | None, sample: HealthSample
) -> Measured:
    """Accuracy, probe and health from one embedding.

    Args:
        context: of the run.
        encoder: at the end of the epoch.
        beta: hardness of its last step.
        look: of the probe at the epoch's batches.
        sample: that health is measured on.
    """
    images, config, probe = context.images, context.config, context.probe
    if not context.is_first:
        return Measured()
    if images.labels is None or (probe is None and len(images.hold_out) == 0):
        return Measured(health=sample.health(encoder))
    space = epoch_space(encoder, images, config, context.progress)
    health = sample.health(encoder, space.feature_BF[np.searchsorted(space.bank, sample.chosen)])
    looks = None if probe is None or look is None else _looks(config, space, probe, look, beta)
    return Measured(epoch_accuracy(space, images), looks, health)


def _looks(config: TrainConfig, space: EpochSpace, probe: Probe, look: BatchLook, beta: float) -> dict[str, Any]:
    """Figures of the probe at the epoch's batches and in its space."""
    gradient_weights = gradient_weights_of(config.objective, config.temperature, beta)
    looks = {"objective": probe.record(look.tally), "sample": sample_look(space, probe, gradient_weights)}
    return {"label_level": probe.label_level, **looks}


def first_line(context: RunContext, encoder: Trainable, total_steps: int, epochs: int, *, bfloat16: bool) -> str:
    """Images, budget, method, what of the backbone learns, and machine, before the first epoch gives figures."""
    images, accelerator = context.images, context.accelerator
    a_step = min(context.config.images_a_step, len(images.fit))
    held_out = _held_out(images, context.config)
    machine = [accelerator.device.type, "bfloat16" if bfloat16 else "float32"]
    shared = [f"{context.processes} processes"] if context.processes > 1 else []
    minutes = context.config.minutes
    time = "" if minutes is None else f", about {duration(60 * minutes)}"
    return " · ".join(
        [
            f"training on {len(images.fit):,} images{held_out}",
            f"{counted(total_steps, 'step')} of {a_step:,} in {counted(epochs, 'epoch')}{time}",
            context.config.method,
            *_learning(context.config, encoder),
            ", ".join([*machine, *shared]),
        ]
    )


def continued_line(counters: Counters, total_steps: int, processes: int) -> str:
    """Where a run continues, and what another number of processes means for it."""
    line = f"continuing from step {counters.step} of {total_steps}"
    if counters.processes == processes:
        return line
    return (
        f"{line} in {counted(processes, 'process', 'processes')} instead of {counters.processes}: each draws views and random numbers of "
        "its own, so from here on this is not digit for digit the run that it would have been"
    )


def _learning(config: TrainConfig, encoder: Trainable) -> list[str]:
    """Words about what of the backbone learns and how, where it is not all of it alike."""
    words = []
    if config.fine_tunes or config.last_blocks is not None:
        blocks = len(blocks_of(encoder.backbone))
        part = "all of" if config.last_blocks is None else f"the last {config.last_blocks} of"
        words.append(f"{config.backbone}: {part} {counted(blocks, 'block')} at {encoder.spec.image_size} px")
        if any(isinstance(module, _BatchNorm) for module in encoder.backbone.modules()):
            words.append(f"statistics of batch norms {config.batch_norm}")
    if config.layer_decay != 1:
        words.append(f"layer decay {config.layer_decay:g}")
    if config.ema:
        words.append(f"average of weights {config.ema:g}")
    return [", ".join(words)] if words else []


def _held_out(images: TrainingImages, config: TrainConfig) -> str:
    if len(images.hold_out):
        return f" ({len(images.hold_out):,} held out {held_out_by(config)})"
    if images.labels is None or hold_out_size(config, len(images.corpus)) == 0:
        return ""
    return f" (none held out {held_out_by(config)}: no group is small enough)"


def task_of(span: range, epochs: int) -> str:
    """What the bar of some epochs says."""
    which = f"epoch {span.stop}" if len(span) == 1 else f"epochs {span.start + 1} to {span.stop}"
    return f"{which}/{epochs}"


def epoch_line(record: dict[str, Any], epochs: int, hold_out: str) -> str:
    """A record's most important figures.

    Args:
        record: of the epoch.
        epochs: of the run.
        hold_out: by what images were held out.
    """
    parts = [f"epoch {record['epoch']}/{epochs}", f"loss {record['loss']:.3f}"]
    if record["knn_accuracy"] is not None:
        parts.append(f"k-NN {record['knn_accuracy']:.4f} (hold-out {hold_out})")
    if record["health"] is not None and (rank := record["health"]["effective_rank"]) is not None:
        parts.append(f"rank {rank:.0f}")
    rates = record["false_negative_rate"]
    if rates is not None and rates["10"] is not None:
        parts.append(f"false negatives @10 {rates['10']:.1%} (base rate {record['base_rate']:.1%})")
    parts += [f"{record['pairs_per_second']:.0f} pairs/s", f"{record['seconds']:.0f} s"]
    return " · ".join(parts)


def still_rising_line(history: Sequence[Mapping[str, Any]], num_hold_out: int, hold_out: str) -> str:
    """What is to be said if the hold-out accuracy had not levelled off at the end of a run; empty otherwise. It decides nothing.

    Compared are the mean over the last quarter of the epochs and that over the quarter before. They must differ by more than the standard
    error of one accuracy on so many images.

    Args:
        history: the run's epoch records.
        num_hold_out: images behind each accuracy.
        hold_out: by what they were held out.
    """
    accuracies = [record["knn_accuracy"] for record in history if record["knn_accuracy"] is not None]
    quarter = len(accuracies) // 4
    if quarter == 0:
        return ""
    before, last = (float(np.mean(part)) for part in (accuracies[-2 * quarter : -quarter], accuracies[-quarter:]))
    if last - before <= np.sqrt(before * (1 - before) / num_hold_out):
        return ""
    longer = max(1, round(2 * sum(record["seconds"] for record in history) / 60))
    rises = f"the hold-out accuracy ({hold_out}) still rises ({before:.2f} → {last:.2f})"
    return f"{rises}: a longer run may be better, e.g. --minutes {longer}"
