"""An audit class by class: rates, and which classes are near each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.same_class import LabelSets
from samekind.indexer.audit.notes import Note, NoteCode
from samekind.training.diagnostics import figures
from samekind.training.diagnostics.figures import UNKNOWN

MOST_CLASSES = 300
"""Classes up to which class × class is reported in full; beyond, of the largest ones: 60,000 classes would be 3.6 milliard counts."""


@dataclass(frozen=True)
class Classes:
    """Classes of an index.

    Attributes:
        names: by class number.
        class_N: `(N,)` class numbers, −1 without label.
        sets: the classes' labels, where a shared one makes two images the same class.
    """

    names: list[str]
    class_N: NDArray[np.int64]
    sets: LabelSets | None = None

    def by_label(self, value_C: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sums by label from sums by class: the same where a class is a label."""
        return value_C if self.sets is None else value_C @ self.sets.has_CL


def rates_by_class(
    classes: Classes,
    anchors: NDArray[np.int64],
    false_AK: NDArray[np.int8],
    false_share_A: NDArray[np.float64] | None,
) -> dict[str, dict[str, Any]]:
    """Counted for all classes at once: there may be as many as images. Where a shared label is enough, of each label instead: an image of
    several counts for each of them.
    """
    class_N, sets, num_classes = classes.class_N, classes.sets, len(classes.names)
    class_A = class_N[anchors]
    share_A = np.full(len(anchors), np.nan) if false_share_A is None else false_share_A

    def summed(class_A: NDArray[np.int64], value_A: NDArray[Any] | None = None) -> NDArray[np.float64]:
        return classes.by_label(_summed(class_A, num_classes, value_A))

    images_C = summed(class_N)
    anchors_C = summed(class_A)
    known_C = summed(class_A, (false_AK >= 0).sum(axis=1))
    false_C = summed(class_A, (false_AK == 1).sum(axis=1))
    shared_C = summed(class_A, ~np.isnan(share_A))
    share_C = summed(class_A, np.nan_to_num(share_A))
    same_C = None if sets is None else summed(class_N, sets.num_same(class_N, class_N) - 1)
    labelled = int((class_N >= 0).sum())
    table = {}
    names = classes.names if sets is None else sets.names
    for number, (name, images, mine, known, false, shared, share) in enumerate(
        zip(names, images_C, anchors_C, known_C, false_C, shared_C, share_C, strict=True)
    ):
        rate = figures.ratio(int(false), int(known))
        if same_C is None:
            base = figures.class_base_rate(int(images), labelled)
        else:  # the mean of its images' own base rates
            base = figures.ratio(float(same_C[number]), float(images) * (labelled - 1))
        table[name] = {
            "num_images": int(images),
            "num_anchors": int(mine),
            "base_rate": base,
            "false_negative_rate": rate,
            "lift": figures.lift(rate, base),
            "gradient_share": figures.ratio(float(share), float(shared)),
        }
    return table


def class_pairs(
    classes: Classes,
    anchors: NDArray[np.int64],
    row_AK: NDArray[np.int64],
    notes: list[Note],
) -> dict[str, Any]:
    """Counts by both classes; of more than `MOST_CLASSES` those with most images, and a note. None where a shared label is enough."""
    if classes.sets is not None:
        text = "Class × class is left out: an image of several labels would be in several rows."
        notes.append(Note(NoteCode.NO_CLASS_PAIRS, text))
        return {"classes": [], "counts": [], "num_pairs": []}
    names, class_N = classes.names, classes.class_N
    shown = np.arange(len(names))
    if len(names) > MOST_CLASSES:
        images_C = _summed(class_N, len(names))
        shown = np.sort(np.argsort(-images_C, kind="stable")[:MOST_CLASSES])
        text = f"Class × class holds the {MOST_CLASSES} largest of {len(names):,} classes."
        notes.append(Note(NoteCode.LARGEST_CLASSES, text))
    place_C = np.full(len(names) + 1, UNKNOWN)  # the last place is that of `UNKNOWN`
    place_C[shown] = np.arange(len(shown))
    anchor_AK, negative_AK = np.broadcast_arrays(class_N[anchors][:, None], class_N[row_AK])
    known = (anchor_AK >= 0) & (negative_AK >= 0)
    anchor, negative = place_C[anchor_AK[known]], place_C[negative_AK[known]]
    both = (anchor >= 0) & (negative >= 0)
    flat = np.bincount(anchor[both] * len(shown) + negative[both], minlength=len(shown) ** 2)
    return {
        "classes": [names[c] for c in shown],
        "counts": flat.reshape(len(shown), len(shown)).tolist(),
        "num_pairs": _summed(anchor, len(shown)).astype(int).tolist(),
    }


def _summed(class_A: NDArray[np.int64], classes: int, value_A: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Sum of values by class, or how many there are; what has no class is left out. Whole numbers below 2⁵³ stay exact."""
    known = class_A >= 0
    weights = np.ones(int(known.sum())) if value_A is None else value_A[known]
    return np.asarray(np.bincount(class_A[known], weights, minlength=classes), dtype=np.float64)
