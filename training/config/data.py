"""Which images are trained on, and how they are seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samekind.data.types.label_levels import COARSE, label_level
from samekind.data.views.policies import STRENGTHS
from samekind.training.config.settings import Settings, at_least, one_of, setting

NEAR_DUPLICATES, SERIES, FOLDER, IMAGE = "near_duplicates", "series", "folder", "image"
EXACT, NEAR = "exact", "near"


def _label_level(name: str, value: Any) -> None:
    label_level(value)


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """Choice of images, their size, their views, and the labels that false negatives are counted by.

    Attributes:
        image_size: pixels a side; `None` takes the corpus' own (at most 64).
        strength: of the views, one of `samekind.data.views.policies.STRENGTHS`; each corpus has its own policy for it.
        limit: train on at most this many images (seeded choice); `None` takes all.
        hold_out: training images kept away for the accuracy per epoch; `None` takes a tenth, at most 5,000.
        hold_out_by: what is held out as a whole: groups of near duplicates in the frozen space of an adapter (`near_duplicates`), 20
            consecutive file names (`series`), a folder below the class folder (`folder`), or each image by itself (`image`). `None` takes
            near duplicates for an adapter, images otherwise.
        copies: images that are never negatives of each other: those of equal content (`exact`), or also near copies, by a perceptual hash
            (`near`, see `training.false_negatives.perceptual_hash`).
        label_level: of the labels that false negatives are counted by: `coarse`, `fine` or a number of folders
            (`data.types.label_levels`). Nothing else reads it: accuracy, `supervised` and `oracle` go by the corpus' own labels.
        seed: of weights, order, views and hold-out.
    """

    image_size: int | None = setting(
        None, at_least(8), flag=("PIXELS", "Side of the encoder's input; by default a pretrained model's own.")
    )
    strength: str = setting(
        "heavy", one_of(*STRENGTHS), flag=("NAME", "How much views are augmented: none, light, medium or heavy.")
    )
    limit: int | None = setting(None, at_least(2), flag=("N", "Train on at most this many images."))
    hold_out: int | None = setting(None, at_least(0))
    hold_out_by: str | None = setting(
        None,
        one_of(NEAR_DUPLICATES, SERIES, FOLDER, IMAGE),
        flag=("RULE", "Held out as a whole: near_duplicates (of an adapter), series (file names), folder or image."),
        counts=lambda of: (
            of["hold_out"] != 0 and of["hold_out_by"] not in (None, IMAGE)
        ),  # the only rule of release 0.1
    )
    copies: str = setting(
        EXACT,
        one_of(EXACT, NEAR),
        flag=(
            "exact|near",
            "Never negatives of each other: equal files, or also near copies (decodes all images once more).",
        ),
        counts=lambda of: of["copies"] != EXACT,  # so that what an older release began keeps its name
    )
    label_level: str = setting(
        COARSE,
        _label_level,
        flag=("LEVEL", "Of labels to count false negatives by: coarse, fine (class/subclass), or a number of folders."),
        counts=lambda of: of["label_level"] != COARSE,  # so that what an older release began keeps its name
    )
    seed: int = setting(0, at_least(0), flag=("N", "Of weights, order, views and hold-out."))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._settle("label_level", label_level(self.label_level))
