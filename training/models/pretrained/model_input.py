"""What a pretrained model expects of its images."""

from __future__ import annotations

from dataclasses import dataclass

from samekind.data.types.preprocessing import INTERPOLATIONS


@dataclass(frozen=True)
class ModelInput:
    """The input that a model was trained for. The fields are those of the same names of `EncoderSpec`.

    Attributes:
        image_size: pixels a side.
        channels: always 3.
        mean, std: per channel, of pixels in [0, 1].
        interpolation, crop: as in `Preprocessing`; crop 0 squashes.
    """

    image_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    crop: float


def known_interpolation(name: str) -> str:
    """The name, or `bicubic` for what we do not offer (`nearest`, `random`)."""
    return name if name in INTERPOLATIONS else "bicubic"
