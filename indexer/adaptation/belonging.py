"""How sure an image that nobody was asked about is of a group, learned from the answers themselves.

The answers say how near is near enough: members of a group, seen from the centre of its other members, belong to it; images that were
called different from it, and are in no group, do not. Slope and threshold of `belonging` are those under which both are most likely. Where
groups are fine and cover little, images told apart lie close, and the threshold is high; where they cover most of the index, groups
compete with each other and it is low. A fixed one harms the one or wastes the other (docs/decisions/0021-adaptation.md).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from samekind.training.answers.belonging import belonging
from samekind.training.answers.metric import product, unit_rows

# G groups, R images of a group, E images that were told from it, M members in all, S pairs of an image and a group it was told from

Float64 = NDArray[np.float64]

PULL, OWN_PULL = 0.5, 0.7
"""How far an image goes to the centre of a group that it probably belongs to, where groups cover enough; and to that of its own group.
Chosen on training splits."""
COVERED = 0.5
"""Share of the corpus that has to belong to groups for the full pull."""
MOST = 1_000
"""Members, and images told apart, that are looked at, evenly spread."""
_SLOPES, _THRESHOLDS = (1.0, 100.0), (-1.0, 1.0)
_USUAL_SLOPE, _USUAL_THRESHOLD, _DOUBT = 12.0, 0.5, 0.5  # a weak prior, for answers that leave both open


def pull_at(covered: float) -> float:
    """How far images go to a group that they surely belong to, if nobody said so.

    Args:
        covered: share of the corpus that belongs to groups: the mean probability of the likeliest group.
    """
    return PULL * min(1.0, covered / COVERED)


def fit_belonging(
    groups: Sequence[NDArray[np.float32]], centre_GD: NDArray[np.float32], strangers: Sequence[NDArray[np.float32]]
) -> tuple[float, float]:
    """Slope and threshold of `belonging` that answers suggest.

    Args:
        groups: mapped vectors `(R, D)` of each group.
        centre_GD: `(G, D)` their centres, of unit norm.
        strangers: mapped vectors `(E, D)` of images in no group that were told from each group; perhaps none.
    """
    own_M, member_MG = _members(groups, centre_GD)
    told_S, stranger_SG = _strangers(centre_GD, strangers)

    def loss(values: Float64) -> tuple[float, Float64]:
        slope, threshold = np.exp(values[0]), values[1]
        parts = [
            _loss_of_members(slope * (member_MG - threshold), own_M),
            _loss_of_strangers(slope * (stranger_SG - threshold), told_S),
        ]
        off = values[0] - np.log(_USUAL_SLOPE), (threshold - _USUAL_THRESHOLD) / _DOUBT
        total = sum(part for part, _ in parts) + 0.5 * (off[0] ** 2 + off[1] ** 2)
        by_logit = [gradient for _, gradient in parts]
        by_slope = sum(
            np.sum(gradient * slope * (cosine - threshold))
            for gradient, cosine in zip(by_logit, (member_MG, stranger_SG), strict=True)
        )
        by_threshold = -slope * sum(gradient.sum() for gradient in by_logit)
        return total, np.array([by_slope + off[0], by_threshold + off[1] / _DOUBT])

    start = np.array([np.log(_USUAL_SLOPE), _USUAL_THRESHOLD])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[tuple(np.log(_SLOPES)), _THRESHOLDS])
    return float(np.exp(found.x[0])), float(found.x[1])


def _members(
    groups: Sequence[NDArray[np.float32]], centre_GD: NDArray[np.float32]
) -> tuple[NDArray[np.int64], Float64]:
    """`(M,)` the group of some members, and `(M, G)` their cosines with all centres, with their own group's as it is without them."""
    own_N = np.repeat(np.arange(len(groups)), [len(group_RD) for group_RD in groups])
    kept = _evenly(len(own_N))
    vector_MD, own_M = np.concatenate(groups)[kept].astype(np.float64), own_N[kept]
    sum_GD = np.stack([group_RD.sum(axis=0, dtype=np.float64) for group_RD in groups])
    cosine_MG = product(vector_MD, centre_GD.T.astype(np.float64))
    rest_MD = unit_rows(sum_GD[own_M] - vector_MD)
    cosine_MG[np.arange(len(own_M)), own_M] = (rest_MD * vector_MD).sum(axis=1)
    return own_M, cosine_MG


def _strangers(
    centre_GD: NDArray[np.float32], strangers: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.int64], Float64]:
    """`(S,)` the group that some images were told from, and `(S, G)` their cosines with all centres."""
    told_N = np.repeat(np.arange(len(strangers)), [len(told_ED) for told_ED in strangers])
    kept = _evenly(len(told_N))
    vector_SD = np.concatenate([*strangers, centre_GD[:0]])[kept].astype(np.float64)
    return told_N[kept], product(vector_SD, centre_GD.T.astype(np.float64))


def _evenly(count: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, count - 1, min(count, MOST)).astype(np.int64))


def _loss_of_members(logit_MG: Float64, own_M: NDArray[np.int64]) -> tuple[float, Float64]:
    """−log P(own group), and its gradient by the logits."""
    rows = np.arange(len(own_M))
    share_MG = belonging(logit_MG, 1.0, 0.0)
    gradient_MG = share_MG.copy()
    gradient_MG[rows, own_M] -= 1
    return float(-np.log(share_MG[rows, own_M]).sum()), gradient_MG


def _loss_of_strangers(logit_SG: Float64, told_S: NDArray[np.int64]) -> tuple[float, Float64]:
    """−log (1 − P(the group that it was told from)), and its gradient by the logits."""
    rows = np.arange(len(told_S))
    odds_SG = np.exp(logit_SG)
    told_from_S = odds_SG[rows, told_S]
    odds_SG[rows, told_S] = 0
    rest_S1 = 1 + odds_SG.sum(axis=1, keepdims=True)
    share_S = told_from_S / (rest_S1[:, 0] + told_from_S)
    gradient_SG = odds_SG / rest_S1
    gradient_SG *= -share_S[:, None]
    gradient_SG[rows, told_S] = share_S
    return float(np.log1p(told_from_S / rest_S1[:, 0]).sum()), gradient_SG
