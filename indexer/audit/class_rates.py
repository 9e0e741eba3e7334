"""An audit class by class: rates, and which classes are near each other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.audit.notes import Note, NoteCode
from samekind.training.diagnostics import figures
from samekind.training.diagnostics.figures import UNKNOWN

MOST_CLASSES = 300
"""Classes up to which class × class is reported in full; beyond, of the largest ones: 60,000 classes would be 3.6 milliard counts."""


def rates_by_class(
    classes: list[str],
    class_N: NDArray[np.int64],
    anchors: NDArray[np.int64],
    false_AK: NDArray[np.int8],
    false_share_A: NDArray[np.float64] | None,
) -> dict[str, dict[str, Any]]:
    """Counted for all classes at once: there may be as many as images."""
    class_A = class_N[anchors]
    share_A = np.full(len(anchors), np.nan) if false_share_A is None else false_share_A
    images_C = _summed(class_N, len(classes))
    anchors_C = _summed(class_A, len(classes))
    known_C = _summed(class_A, len(classes), (false_AK >= 0).sum(axis=1))
    false_C = _summed(class_A, len(classes), (false_AK == 1).sum(axis=1))
    shared_C = _summed(class_A, len(classes), ~np.isnan(share_A))
    share_C = _summed(class_A, len(classes), np.nan_to_num(share_A))
    labelled = int(images_C.sum())
    table = {}
    for name, images, mine, known, false, shared, share in zip(
        classes, images_C, anchors_C, known_C, false_C, shared_C, share_C, strict=True
    ):
        rate = figures.ratio(int(false), int(known))
        base = figures.class_base_rate(int(images), labelled)
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
    classes: list[str],
    class_N: NDArray[np.int64],
    anchors: NDArray[np.int64],
    row_AK: NDArray[np.int64],
    notes: list[Note],
) -> dict[str, Any]:
    """Counts by both classes; of more than `MOST_CLASSES` those with most images, and a note."""
    shown = np.arange(len(classes))
    if len(classes) > MOST_CLASSES:
        images_C = _summed(class_N, len(classes))
        shown = np.sort(np.argsort(-images_C, kind="stable")[:MOST_CLASSES])
        text = f"Class × class holds the {MOST_CLASSES} largest of {len(classes):,} classes."
        notes.append(Note(NoteCode.LARGEST_CLASSES, text))
    place_C = np.full(len(classes) + 1, UNKNOWN)  # the last place is that of `UNKNOWN`
    place_C[shown] = np.arange(len(shown))
    anchor_AK, negative_AK = np.broadcast_arrays(class_N[anchors][:, None], class_N[row_AK])
    known = (anchor_AK >= 0) & (negative_AK >= 0)
    anchor, negative = place_C[anchor_AK[known]], place_C[negative_AK[known]]
    both = (anchor >= 0) & (negative >= 0)
    flat = np.bincount(anchor[both] * len(shown) + negative[both], minlength=len(shown) ** 2)
    return {
        "classes": [classes[c] for c in shown],
        "counts": flat.reshape(len(shown), len(shown)).tolist(),
        "num_pairs": _summed(anchor, len(shown)).astype(int).tolist(),
    }


def _summed(class_A: NDArray[np.int64], classes: int, value_A: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Sum of values by class, or how many there are; what has no class is left out. Whole numbers below 2⁵³ stay exact."""
    known = class_A >= 0
    weights = np.ones(int(known.sum())) if value_A is None else value_A[known]
    return np.asarray(np.bincount(class_A[known], weights, minlength=classes), dtype=np.float64)
