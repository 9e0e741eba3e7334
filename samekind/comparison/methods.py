"""The methods of a comparison: a method is a name and the settings in which it differs from the preset. Everything else stays the same.

Methods with a treatment say τ⁺ = 0 themselves: τ⁺ and a treatment correct the same bias, and twice is once too often.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from samekind.core.errors import InputError
from samekind.data.views.policies import STRENGTHS
from samekind.training.config.train_config import TrainConfig

OBJECTIVE_ROWS = ("nce", "info_nce", "cpc", "decoupled", "debiased", "hard", "mixed", "supervised")
TREATMENT_ROWS = ("eliminate", "soft")
DETECTOR_ROWS = ("threshold", "quantile", "reciprocal", "oracle")
PULLED_ROWS = (("attract", "reciprocal"), ("attract", "oracle"), ("soft_attract", "relation"))

BETAS = (0.0, 0.5, 1.0, 2.0, 4.0)
BATCH_SIZES = (64, 128, 256, 512, 1024)


@dataclass(frozen=True)
class Method:
    """A row of the table, or a point of a curve.

    Attributes:
        name: how it is called in tables, flags and file names.
        overrides: fields of `TrainConfig` that replace the common settings.
    """

    name: str
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def uses_labels(self) -> bool:
        """True if labels enter the training: such a row is a ceiling and not a competitor."""
        return TrainConfig(**self.overrides).uses_labels

    @property
    def mark(self) -> str:
        """The name, with a dagger if the method uses labels."""
        return self.name + (" †" if self.uses_labels else "")


@dataclass(frozen=True)
class Point:
    """One place of a curve: its position and what is trained there."""

    x: float | str
    method: Method


@dataclass(frozen=True)
class Curve:
    """One setting varied and everything else kept.

    Attributes:
        name: short name, part of file names.
        title: what is varied.
        axis: what the horizontal axis shows.
        note: what a reader must know about the other settings.
        points: in the order of the axis.
        false_negatives: whether the false-negative rate is shown beside the accuracy.
    """

    name: str
    title: str
    axis: str
    note: str
    points: tuple[Point, ...]
    false_negatives: bool = True


def _treated(treatment: str, detector: str, objective: str = "hard") -> Method:
    overrides = {"objective": objective, "treatment": treatment, "detector": detector, "tau_plus": 0.0}
    return Method(f"{objective}+{treatment}+{detector}", overrides)


METHODS: tuple[Method, ...] = (
    *(Method(name, {"objective": name}) for name in OBJECTIVE_ROWS),
    *(_treated(treatment, detector) for treatment in TREATMENT_ROWS for detector in DETECTOR_ROWS),
    *(_treated(treatment, detector) for treatment, detector in PULLED_ROWS),
    _treated("eliminate", "oracle", "info_nce"),
)
"""The rows of the main table, in their order."""


def chosen_methods(names: Sequence[str]) -> tuple[Method, ...]:
    """The methods of these names in the table's order; all of them if none is named.

    Raises:
        InputError: a name is unknown.
    """
    known = {method.name: method for method in METHODS}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}" if near else f"choose from {', '.join(known)}"
            raise InputError(f"unknown method {name!r}", hint=hint)
    return tuple(method for method in METHODS if not names or method.name in names)


def curves(common: TrainConfig, num_images: int) -> tuple[Curve, ...]:
    """The curves around the common settings.

    Args:
        common: as every row of the table has it, steps included.
        num_images: that are trained on; a batch that they do not fill would be a smaller one, so it is no point.
    """
    return (_beta(common), _batch_size(common, num_images), _strength(common))


def _beta(common: TrainConfig) -> Curve:
    points = tuple(Point(beta, Method(f"hard, β {beta:g}", {"objective": "hard", "beta": beta})) for beta in BETAS)
    note = f"`hard` with τ⁺ = {common.tau_plus:g}; β = 0 weighs all negatives alike."
    return Curve("beta", "Hardness", "β", note, points)


def _batch_size(common: TrainConfig, num_images: int) -> Curve:
    points = []
    for size in (size for size in BATCH_SIZES if size <= num_images):
        steps = max(1, round(_steps(common) * common.batch_size / size))
        overrides = {"objective": "info_nce", "batch_size": size, "steps": steps}
        points.append(Point(size, Method(f"info_nce, batch {size}", overrides)))
    note = (
        f"`info_nce` at an equal number of images seen ({_steps(common) * common.batch_size:,}), so a larger batch takes fewer steps; "
        "the learning rate stays."
    )
    return Curve("batch-size", "Batch size", "images a step", note, tuple(points))


def _strength(common: TrainConfig) -> Curve:
    points = tuple(
        Point(name, Method(f"info_nce, views {name}", {"objective": "info_nce", "strength": name}))
        for name in STRENGTHS
    )
    return Curve("strength", "Augmentation", "strength of the views", "`info_nce`.", points, false_negatives=False)


def _steps(common: TrainConfig) -> int:
    assert common.steps is not None, "a budget is resolved before curves are drawn"
    return common.steps
