"""Length of a run, size of its steps, and learning rate."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.core.errors import InputError
from samekind.training.config.settings import Settings, at_least, setting, within


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings(Settings):
    """Length of a run, size of its steps, and the optimiser's numbers.

    Attributes:
        epochs: passes over the training images, ≥ 1, where neither steps nor minutes are given.
        steps: length of the run, whatever `epochs` says, as presets have it; `None` for whole epochs.
        minutes: as many steps as the training takes in this time on this machine, > 0; decided once, from the speed of the first ones.
            `None` for `steps` or `epochs`.
        batch_size: images a step (two views each), ≥ 2.
        effective_batch: images a step that the objective sees together, in the memory of `batch_size`; `None` for `batch_size`. Norms see
            `batch_size` of them at once.
        learning_rate: AdamW's, at the peak.
        weight_decay: AdamW's, ≥ 0; not applied to biases and norms.
        warmup: share of all steps in which the learning rate rises, in [0, 1).
        ema: most that the moving average of the weights keeps of itself in a step, in [0, 1); the artefact then holds the average. 0 for
            none.
    """

    epochs: int = setting(
        4,
        at_least(1),
        flag=("N", "Passes over the images, instead of the preset's steps."),
        counts=lambda of: of["steps"] is None and of["minutes"] is None,
    )
    steps: int | None = setting(None, at_least(1), flag=("N", "Stop after that many steps instead."))
    minutes: float | None = setting(
        None,
        within(0.001, 100_000.0),
        flag=("N", "Stop after about that many minutes instead."),
        counts=lambda of: of["minutes"] is not None,  # so that what an older release began keeps its name
    )
    batch_size: int = setting(256, at_least(2), flag=("N", "Images a step."))
    effective_batch: int | None = setting(
        None, at_least(2), flag=("N", "Images that a step contrasts, in the memory of --batch-size.")
    )
    learning_rate: float = setting(2e-3, within(1e-8, 10.0), flag=("RATE", "AdamW's, at the peak."))
    weight_decay: float = setting(1e-2, within(0.0, 10.0))
    warmup: float = setting(0.1, within(0.0, 0.9))
    ema: float = setting(
        0.0,
        within(0.0, 0.99999),
        flag=("DECAY", "Of a moving average of the weights, which the artefact then holds; 0 for none."),
        counts=lambda of: of["ema"] > 0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is not None and self.minutes is not None:
            raise InputError(
                f"a run ends after steps ({self.steps}) or after minutes ({self.minutes:g}), not after both",
                hint="choose one of --steps and --minutes",
            )
        if self.effective_batch is not None and self.effective_batch < self.batch_size:
            raise InputError(
                f"effective_batch is {self.effective_batch}, smaller than batch_size {self.batch_size}",
                hint="it is worked through in pieces of batch_size; lower that, or leave it out",
            )

    @property
    def images_a_step(self) -> int:
        """Images that one step contrasts."""
        return self.effective_batch or self.batch_size
