"""What a training run is made of: one frozen dataclass, checked when it is made.

Fields that change the result are part of a run's identity (`TrainConfig.identity`): a folder that holds another identity is refused.
`workers` and `device` are not: views are the same whatever the worker count.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from data.errors import InputError
from data.recipes import STRENGTHS

OBJECTIVES = ("info_nce", "hard")
PRECISIONS = ("auto", "float32", "bfloat16")
_NOT_IDENTITY = frozenset({"workers", "device"})


@dataclass(frozen=True)
class TrainConfig:
    """Settings of one run.

    Attributes:
        preset: name of the preset that these settings came from.
        objective: one of `OBJECTIVES`.
        temperature: τ > 0, divides cosine similarities.
        beta: hardness β ≥ 0 of `hard`; 0 weighs all negatives alike.
        tau_plus: class prior τ⁺ in [0, 1) of `hard`, the assumed share of false negatives.
        epochs: passes over the training images, ≥ 1.
        batch_size: images a step (two views each), ≥ 2.
        learning_rate: AdamW's, at the peak.
        weight_decay: AdamW's, ≥ 0; not applied to biases and norms.
        warmup: share of all steps in which the learning rate rises, in [0, 1).
        backbone: `resnet-small`, `timm/NAME[@CHECKPOINT]` or `open_clip/NAME[@CHECKPOINT]`.
        width: channels of the first stage of `resnet-small`.
        stem_stride: 1, 2 or 4; 0 chooses by image size.
        pool: `resnet-small` averages its last map to `pool × pool` cells, which are its feature.
        whitening: exponent in [0, 1] of the label-free whitening fitted to the features after training; 0 leaves it out.
        embedding_dim: directions that the whitening keeps at most (fewer if there are few images), 0 for no limit. Without whitening
            the feature's own dimension stays.
        projector_hidden: width of the projector's hidden layer.
        projector_dim: dimension of the projection that the objective sees.
        queue_size: keys of a MoCo-style queue; 0 contrasts within the batch.
        key_momentum: momentum m in [0, 1) of the key encoder that fills the queue.
        image_size: pixels a side; `None` takes the corpus' own (at most 64).
        strength: of the views, one of `data.recipes.STRENGTHS`; each corpus has its own recipe for it.
        limit: train on at most this many images (seeded choice); `None` takes all.
        seed: of weights, order, views and hold-out.
        precision: `auto` takes bfloat16 where the hardware multiplies it faster (CUDA, AMX), otherwise float32.
        workers: processes that make views; `None` chooses by cores.
        device: `auto`, `cpu`, `cuda` or `mps`.
    """

    preset: str = "small"
    objective: str = "hard"
    temperature: float = 0.2
    beta: float = 1.0
    tau_plus: float = 0.1
    epochs: int = 4
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.1
    backbone: str = "resnet-small"
    width: int = 32
    stem_stride: int = 0
    pool: int = 4
    whitening: float = 0.5
    embedding_dim: int = 256
    projector_hidden: int = 512
    projector_dim: int = 128
    queue_size: int = 0
    key_momentum: float = 0.99
    image_size: int | None = None
    strength: str = "heavy"
    limit: int | None = None
    seed: int = 0
    precision: str = "auto"
    workers: int | None = None
    device: str = "auto"

    def __post_init__(self) -> None:
        _one_of("objective", self.objective, OBJECTIVES)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("strength", self.strength, STRENGTHS)
        _one_of("device", self.device, ("auto", "cpu", "cuda", "mps"))
        _one_of("stem_stride", self.stem_stride, (0, 1, 2, 4))
        for name, low in (
            ("epochs", 1),
            ("batch_size", 2),
            ("width", 1),
            ("pool", 1),
            ("projector_hidden", 1),
            ("projector_dim", 1),
        ):
            _at_least(name, getattr(self, name), low)
        for name, low in (("image_size", 8), ("limit", 2), ("workers", 0)):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), low)
        for name in ("queue_size", "seed", "embedding_dim"):
            _at_least(name, getattr(self, name), 0)
        _within("temperature", self.temperature, 1e-3, 100.0)
        _within("beta", self.beta, 0.0, 100.0)
        _within("tau_plus", self.tau_plus, 0.0, 0.99)
        _within("learning_rate", self.learning_rate, 1e-8, 10.0)
        _within("weight_decay", self.weight_decay, 0.0, 10.0)
        _within("warmup", self.warmup, 0.0, 0.9)
        _within("whitening", self.whitening, 0.0, 1.0)
        _within("key_momentum", self.key_momentum, 0.0, 0.9999)
        if self.queue_size and self.queue_size < self.batch_size:
            raise InputError(
                f"queue_size is {self.queue_size}, smaller than batch_size {self.batch_size}",
                hint="take a multiple of the batch size, or 0 for no queue",
            )

    def to_dict(self) -> dict[str, Any]:
        """All fields by name, ready for JSON."""
        return asdict(self)

    @property
    def identity(self) -> dict[str, Any]:
        """The fields that change the result."""
        return {name: value for name, value in asdict(self).items() if name not in _NOT_IDENTITY}

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """Names of all settings."""
        return tuple(f.name for f in fields(cls))


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise InputError(f"unknown {name} {value!r}", hint=f"choose one of {', '.join(map(str, allowed))}")


def _at_least(name: str, value: object, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InputError(f"{name} must be a whole number of at least {low}, got {value!r}")


def _within(name: str, value: object, low: float, high: float) -> None:
    if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
        raise InputError(f"{name} must lie between {low:g} and {high:g}, got {value!r}")
