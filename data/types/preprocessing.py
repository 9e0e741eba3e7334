"""How an image becomes encoder input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from samekind.core.errors import InputError

INTERPOLATIONS = ("bilinear", "bicubic", "lanczos")
PILLOW, TORCH = "pillow", "torch"
CROPS = (1, 2)


@dataclass(frozen=True)
class Preprocessing:
    """Size and shape of encoder input, and the way there.

    Attributes:
        size: pixels a side, at least 1.
        channels: 1 (luma, ITU-R 601) or 3.
        interpolation: one of `INTERPOLATIONS`; all of them widen the filter when shrinking, so that nothing aliases.
        crop: 0 squashes the image to a square. Otherwise its shorter side is scaled to `size / crop` and the centre is cut out, as most
            pretrained models are evaluated; in (0, 1].
        crops: 1, or 2 for two crops of each image: that one, and beside a centre the image squashed, beside a squashed image its centre.
        resize: whose filter scales: `PILLOW`, or `TORCH` in a third of the time (docs/decisions/0053), which has no lanczos.

    Raises:
        InputError: a value is out of range.
    """

    size: int
    channels: int
    interpolation: str = "bicubic"
    crop: float = 0.0
    crops: int = 1
    resize: str = PILLOW

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"the image size must be at least 1 px, got {self.size}")
        if self.channels not in (1, 3):
            raise InputError(f"channels must be 1 or 3, got {self.channels}")
        if self.interpolation not in INTERPOLATIONS:
            raise InputError(
                f"unknown interpolation {self.interpolation!r}", hint=f"choose one of {', '.join(INTERPOLATIONS)}"
            )
        if not 0 <= self.crop <= 1:
            raise InputError(f"the share that is cropped must lie in [0, 1], got {self.crop}")
        if self.crops not in CROPS:
            raise InputError(f"crops of an image are 1 or 2, got {self.crops}")
        if self.resize not in (PILLOW, TORCH):
            raise InputError(
                f"unknown way of resizing {self.resize!r}",
                hint=f"choose {PILLOW} or {TORCH}; a newer samekind may know others",
            )
        if self.resize != way_of_resizing(self.interpolation) and self.resize != PILLOW:
            raise InputError(f"{self.resize} has no {self.interpolation} filter", hint=f"choose {PILLOW}")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one prepared image: `(S, S, C)`, and `(2, S, S, C)` for two crops."""
        one = (self.size, self.size, self.channels)
        return one if self.crops == 1 else (self.crops, *one)

    @property
    def each_crop(self) -> tuple[Preprocessing, ...]:
        """The way to each crop."""
        own = replace(self, crops=1)
        return (own,) if self.crops == 1 else (own, replace(own, crop=0.0 if self.crop else 1.0))


def preprocessing_of(spec: Any) -> Preprocessing:
    """The preprocessing of an encoder's spec; one that has `image_size` and `channels` only takes squashed images."""
    return Preprocessing(
        spec.image_size,
        spec.channels,
        getattr(spec, "interpolation", Preprocessing.interpolation),
        getattr(spec, "crop", Preprocessing.crop),
        getattr(spec, "crops", Preprocessing.crops),
        getattr(spec, "resize", Preprocessing.resize),
    )


def way_of_resizing(interpolation: str) -> str:
    """What new encoders of pretrained models scale with: the quicker way, where it has the filter."""
    return PILLOW if interpolation == "lanczos" else TORCH
