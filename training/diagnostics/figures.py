"""Figures of false negatives, each defined once: for the batches of training, the fixed probe, the audit and every report of them.

All count pairs of an anchor and a negative; a pair with an unknown label is neither a true nor a false negative. The callers differ in
the pairs that they sum over, never in the ratio: ranks of training and probe are cumulative ("the 10 hardest"), those of the audit are
single ("the 10th hardest"); training divides sums over anchors by each other, so that an anchor with a greater loss counts for more, while
probe and audit average the anchors' own shares.

An undefined figure is `None`, and `null` in JSON, never NaN. Only arrays, which cannot hold `None`, mark it by NaN.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.same_class import LabelSets, same_class

RANKS = (1, 5, 10, 50, 100, 500)
"""Ranks of the probe, counted from the hardest negative."""
BATCH_RANKS = (1, 10, 100)
"""Those of them that the epoch records give for batches: keys of `metrics.jsonl` and of the counts in a checkpoint, so they stay."""
UNKNOWN = -1
"""Class number of an image without label, and the mark of a pair with such an image."""


def ratio(part: float, whole: float) -> float | None:
    """`part / whole`; `None` of nothing."""
    return part / whole if whole else None


def false_negatives(
    anchor: NDArray[np.int64], negative: NDArray[np.int64], sets: LabelSets | None = None
) -> NDArray[np.int8]:
    """1 where classes are the same (see `same_class`), 0 where they differ, −1 where one of them is unknown; shapes broadcast."""
    known = (anchor >= 0) & (negative >= 0)
    return np.where(known, same_class(anchor, negative, sets), UNKNOWN).astype(np.int8)


def false_negative_rate(false: NDArray[np.int8]) -> float | None:
    """Share of false negatives among the pairs of known labels; `false` as `false_negatives` gives it."""
    return ratio(int((false == 1).sum()), int((false >= 0).sum()))


def base_rate(class_N: NDArray[np.int64], sets: LabelSets | None = None) -> float | None:
    """Share of all ordered pairs of two labelled images that are of the same class; `None` below two such images.

    That is Σ c(c−1) / (n(n−1)) over the classes; with `sets` the pairs that share a label are counted.
    """
    if sets is not None:
        known_N = class_N[class_N >= 0]
        pairs, total = int((sets.num_same(known_N, known_N) - 1).sum()), len(known_N)
        return pairs / (total * (total - 1)) if total > 1 else None
    counts = np.bincount(class_N[class_N >= 0]).astype(object)  # Python integers: n² of a large corpus is exact
    total = int(counts.sum()) if len(counts) else 0
    return float((counts * (counts - 1)).sum() / (total * (total - 1))) if total > 1 else None


def class_base_rate(num_images: int, num_labelled: int) -> float | None:
    """The base rate of one class' anchors, (c−1) / (n−1); `None` below two labelled images."""
    return (num_images - 1) / (num_labelled - 1) if num_labelled > 1 else None


def lift(rate: float | None, base: float | None) -> float | None:
    """How many times the base rate a false-negative rate is; `None` if one is undefined or nothing is false at all."""
    return None if rate is None or not base else rate / base


def lift_by_rank(rates: Mapping[str, float | None], base: float | None) -> dict[str, float | None]:
    """The lift of every rank."""
    return {rank: lift(rate, base) for rank, rate in rates.items()}


def gradient_shares(false_A: NDArray[np.float64], known_A: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each anchor's share of its negative gradient that false negatives draw.

    Args:
        false_A: `(A,)` gradient on false negatives, ≥ 0.
        known_A: `(A,)` gradient on all negatives of known class.

    Returns:
        `(A,)` in [0, 1]; NaN where no negative of known class draws any.
    """
    share_A = np.full(len(known_A), np.nan)
    np.divide(false_A, known_A, out=share_A, where=known_A > 0)
    return share_A


def mean_defined(values: NDArray[np.float64]) -> float | None:
    """Mean of the values that are not NaN; `None` of none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else None
