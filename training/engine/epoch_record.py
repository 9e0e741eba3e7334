"""Record of an epoch, as in `metrics.jsonl`, and the lines that a run prints."""

from __future__ import annotations

from typing import Any

from samekind.training.diagnostics.epoch_space import epoch_accuracy, epoch_space, sample_look
from samekind.training.diagnostics.gradient_weights import gradient_weights_of
from samekind.training.diagnostics.probe import BatchLook
from samekind.training.engine.context import RunContext
from samekind.training.features.feature_encoder import Trainable


def measure(
    context: RunContext, encoder: Trainable, beta: float, look: BatchLook | None
) -> tuple[float | None, dict[str, Any] | None]:
    """Accuracy on the hold-out and figures of the probe, both from one embedding; `None` where there is nothing to measure with.

    Args:
        context: of the run.
        encoder: at the end of the epoch.
        beta: hardness of its last step.
        look: of the probe at the epoch's batches.
    """
    images, config, probe = context.images, context.config, context.probe
    if not context.is_first or images.labels is None or (probe is None and len(images.hold_out) == 0):
        return None, None
    space = epoch_space(encoder, images, config)
    accuracy = epoch_accuracy(space, images)
    if probe is None or look is None:
        return accuracy, None
    gradient_weights = gradient_weights_of(config.objective, config.temperature, beta)
    looks = {"objective": probe.record(look.tally), "sample": sample_look(space, probe, gradient_weights)}
    return accuracy, {"label_level": probe.label_level, **looks}


def first_line(context: RunContext, total_steps: int, epochs: int, *, bfloat16: bool) -> str:
    """Images, steps, method and machine, before the first epoch gives figures."""
    images, accelerator = context.images, context.accelerator
    a_step = min(context.config.images_a_step, len(images.fit))
    held_out = f" ({len(images.hold_out):,} held out)" if len(images.hold_out) else ""
    machine = [accelerator.device.type, "bfloat16" if bfloat16 else "float32"]
    shared = [f"{context.processes} processes"] if context.processes > 1 else []
    steps = "step" if total_steps == 1 else "steps"
    return " · ".join(
        [
            f"training on {len(images.fit):,} images{held_out}",
            f"{total_steps:,} {steps} of {a_step:,} in {epochs:,} {'epoch' if epochs == 1 else 'epochs'}",
            context.config.method,
            ", ".join([*machine, *shared]),
        ]
    )


def epoch_line(record: dict[str, Any], epochs: int) -> str:
    """A record's most important figures."""
    parts = [f"epoch {record['epoch']}/{epochs}", f"loss {record['loss']:.3f}"]
    if record["knn_accuracy"] is not None:
        parts.append(f"k-NN {record['knn_accuracy']:.4f} (hold-out)")
    rates = record["false_negative_rate"]
    if rates is not None and rates["10"] is not None:
        parts.append(f"false negatives @10 {rates['10']:.1%} (base rate {record['base_rate']:.1%})")
    parts += [f"{record['pairs_per_second']:.0f} pairs/s", f"{record['seconds']:.0f} s"]
    return " · ".join(parts)
