"""Augmentation policies: how strongly a view departs from its image. Plain values, independent of the augmentation library.

A view must keep what makes two images of the same class and change everything else, and what that is differs between corpora: mirrored
shoes are shoes, mirrored digits are not digits. `policy_for` is where those differences live.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from samekind.core.errors import InputError

STRENGTHS = ("none", "light", "medium", "heavy")


@dataclass(frozen=True)
class AugmentationPolicy:
    """Steps from an image to a view, in the order of the fields; probabilities lie in [0, 1].

    Attributes:
        name: of the policy, for reports.
        crop_scale: share of the area that the random crop keeps, lowest and highest; (1, 1) crops nothing.
        crop_ratio: aspect ratio of the crop, lowest and highest.
        flip: probability of mirroring left and right.
        jitter: probability that any of the four steps below happens.
        brightness: factor 1 ± this.
        contrast: factor 1 ± this.
        saturation: factor 1 ± this (colour images only).
        hue: shift by ± this share of the colour circle, at most 0.5 (colour images only).
        grey: probability of losing all colour (colour images only).
        blur: probability of a Gaussian blur.
        blur_sigma: its sigma in pixels, lowest and highest.
        erasing: probability of blanking one rectangle.
        erasing_scale: share of the area that it covers, lowest and highest.
        erasing_fill: grey value of the rectangle, 0 to 255.
    """

    name: str
    crop_scale: tuple[float, float] = (1.0, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.0
    jitter: float = 0.8
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    blur_sigma: tuple[float, float] = (0.1, 1.0)
    erasing: float = 0.0
    erasing_scale: tuple[float, float] = (0.02, 0.33)
    erasing_fill: float = 0.0

    def for_channels(self, channels: int) -> AugmentationPolicy:
        """The policy without its colour steps where images are grey."""
        return self if channels == 3 else replace(self, saturation=0.0, hue=0.0, grey=0.0)


_BY_STRENGTH = {
    "none": AugmentationPolicy("none", jitter=0.0),
    "light": AugmentationPolicy("light", crop_scale=(0.6, 1.0), flip=0.5, brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02),
    "medium": AugmentationPolicy(
        "medium", crop_scale=(0.4, 1.0), flip=0.5, brightness=0.3, contrast=0.3, saturation=0.3, hue=0.05, grey=0.1, erasing=0.1
    ),
    "heavy": AugmentationPolicy(
        "heavy", crop_scale=(0.25, 1.0), flip=0.5, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, grey=0.2, blur=0.3,
        erasing=0.25, erasing_fill=127.0,
    ),
}  # fmt: skip

# Differences of a corpus from the policy of a strength. Black is the background of the first two, so erasing with it leaves no edge.
_BY_CORPUS: dict[str, dict[str, dict[str, Any]]] = {
    "fashion-mnist": {"heavy": {"crop_scale": (0.3, 1.0), "blur": 0.0, "erasing_fill": 0.0}},
    "digits": {
        "light": {"flip": 0.0},
        "medium": {"flip": 0.0, "crop_scale": (0.6, 1.0)},
        "heavy": {"flip": 0.0, "crop_scale": (0.5, 1.0), "erasing_fill": 0.0, "erasing_scale": (0.02, 0.15)},
    },
}


def policy_for(corpus_name: str, channels: int, strength: str = "heavy") -> AugmentationPolicy:
    """The policy for a corpus: the general one of that strength, with the corpus' own differences.

    Args:
        corpus_name: as in `Corpus.name`; one that is not known by name gets the general policy.
        channels: 1 or 3.
        strength: `none`, `light`, `medium` or `heavy`.

    Raises:
        InputError: the strength is unknown.
    """
    policy = _BY_STRENGTH.get(strength)
    if policy is None:
        raise InputError(f"unknown strength of views {strength!r}", hint=f"choose one of {', '.join(STRENGTHS)}")
    return replace(policy, **_BY_CORPUS.get(corpus_name, {}).get(strength, {})).for_channels(channels)
