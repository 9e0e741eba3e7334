"""How an objective would spread its push over the hardest negatives that an audit has kept, for any temperature and hardness.

# A anchors, K hardest negatives kept, k ≤ K of them looked at, B anchors of one block

An audit's own shares are over *all* negatives and hold for the settings of the run. These are over the k hardest alone, as if they were
all negatives there are, and cost no further comparison: k, τ and β can be moved while somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.training.diagnostics.gradient_weights import GradientWeights

_BLOCK_VALUES = 1 << 18  # several passes over 1 MB stay in the processor's cache


@dataclass(frozen=True)
class GradientMass:
    """Mean over anchors of how the push is spread over their k hardest negatives. Undefined figures are `None`.

    Where any class is known, all figures are of the negatives of known class alone, and of the anchors that have some: a negative without
    a label is neither of the same class nor of another one.

    Attributes:
        share: part of the push that hits same-class images, in [0, 1]; `None` without labels.
        same_class: part of these negatives that are of the same class: what `share` would be if all were pushed alike.
        by_rank: for each rank the part of the push that it draws, `pushed`, and of that what hits same-class images, `same_class`; both
            are parts of the whole and sum to 1 and to `share`.
        num_anchors_left_out: anchors without a label, or without a negative that has one and is pushed; 0 without labels.
        num_negatives_left_out: negatives of the other anchors that have no label.
    """

    share: float | None
    same_class: float | None
    by_rank: list[dict[str, float]]
    num_anchors_left_out: int = 0
    num_negatives_left_out: int = 0


def gradient_mass(
    similarity_AK: NDArray[np.float64], false_AK: NDArray[np.int8], k: int, temperature: float, beta: float = 0.0
) -> GradientMass:
    """The push on the k hardest negatives of every anchor under a loss with this temperature and hardness.

    A negative of similarity s has the weight `e = exp(s/τ)` (InfoNCE: its softmax probability among the negatives); with hardness β the
    weight `w ((1+β) e − β S)`, at least 0, with `w = exp(β s/τ)` and `S = Σ w e / Σ w` over the anchor's k negatives. A share is a sum of
    weights over the sum of all k; a large τ makes all weights equal, τ → 0 leaves the hardest alone.

    Args:
        similarity_AK: `(A, K)` cosines of each anchor's negatives, falling.
        false_AK: `(A, K)` 1 for the anchor's own class, 0 for another, −1 for unknown.
        k: how many of the hardest, from 1 to as many as were kept.
        temperature: τ > 0.
        beta: hardness β ≥ 0; 0 is InfoNCE.

    Raises:
        InputError: a setting is out of range.

    Source:
        Weights: InfoNCE, arXiv 1807.03748, equation 4; hard negatives, 2010.04592, equation 4; see `GradientWeights`.
    """
    _check(k, similarity_AK.shape[1], temperature, beta)
    weights = GradientWeights(temperature, beta)
    step = max(1, _BLOCK_VALUES // k)
    pushed_K, same_K = np.zeros(k), np.zeros(k)
    rate_sum, anchors, unknown, has_labels = 0.0, 0, 0, bool((false_AK[:, :k] >= 0).any())
    for start in range(0, len(similarity_AK), step):
        false_BK = false_AK[start : start + step, :k]
        weight_BK = weights.weights_among(similarity_AK[start : start + step, :k])
        if has_labels:
            weight_BK = np.where(false_BK >= 0, weight_BK, 0.0)
            told_B = weight_BK.sum(1) > 0
            weight_BK, false_BK = weight_BK[told_B], false_BK[told_B]
            known_B = (false_BK >= 0).sum(1)
            rate_sum += float(((false_BK == 1).sum(1) / known_B).sum())
            unknown += false_BK.size - int(known_B.sum())
        weight_BK = weight_BK / weight_BK.sum(1, keepdims=True)
        anchors += len(weight_BK)
        pushed_K += weight_BK.sum(0)
        same_K += np.where(false_BK == 1, weight_BK, 0.0).sum(0)
    total = max(anchors, 1)
    ranks = [
        {"rank": r + 1, "pushed": float(pushed), "same_class": float(same)}
        for r, (pushed, same) in enumerate(zip(pushed_K / total, same_K / total, strict=True))
    ]
    if not has_labels or not anchors:
        return GradientMass(None, None, ranks)
    share = float(same_K.sum()) / anchors
    return GradientMass(share, rate_sum / anchors, ranks, len(similarity_AK) - anchors, unknown)


def _check(k: Any, most: int, temperature: float, beta: float) -> None:
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= most:
        raise InputError(f"k must be from 1 to {most}, the negatives that the audit kept, got {k!r}")
    if not temperature > 0 or not np.isfinite(temperature):
        raise InputError(f"temperature must be above 0, got {temperature!r}")
    if not beta >= 0 or not np.isfinite(beta):
        raise InputError(f"beta must be at least 0, got {beta!r}")
