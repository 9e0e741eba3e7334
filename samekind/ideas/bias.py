"""What negatives of the anchor's class do to the expected loss, and what the debiased estimator makes of it.

The view of arXiv 2007.00224: a positive is any image of the anchor's class, and the loss that one would like has negatives of other classes
only. Without labels they are drawn from all images, and the loss is another one; the debiased estimator comes back near the first.
"""

# A anchors, N negatives

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.ideas.sample import CorpusSample
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.terms import Terms

_MOST_ANCHORS = 512


@dataclass(frozen=True)
class LossFigure:
    """Expected losses with one number of negatives, in nats.

    Attributes:
        num_negatives: N.
        plain: InfoNCE with negatives drawn from all images.
        true: InfoNCE with negatives of other classes only: what labels would allow.
        debiased: the debiased loss, on the negatives of `plain`.
    """

    num_negatives: int
    plain: float
    true: float
    debiased: float


def losses_by_batch(
    sample: CorpusSample, counts: Sequence[int], *, temperature: float, tau_plus: float, seed: int = 0
) -> list[LossFigure]:
    """Mean losses over anchors of the sample whose class has another image and is not the only one: the first 512 of them.

    Args:
        sample: with labels.
        counts: numbers N of negatives, each at least 1; they are drawn with repetition.
        temperature: τ > 0.
        tau_plus: class prior τ⁺ in [0, 1) of the debiased loss.
        seed: of the draws.

    Returns:
        One figure for each number; none if no anchor is left.

    Raises:
        ValueError: τ or τ⁺ out of range.
    """
    generator = np.random.default_rng(seed)
    same = (sample.false_MM == 1) & ~np.eye(len(sample), dtype=bool)
    anchors = np.flatnonzero(same.any(axis=1) & (sample.false_MM == 0).any(axis=1))[:_MOST_ANCHORS]
    if not len(anchors):
        return []
    known = np.diagonal(sample.false_MM) == 1
    positive_A = _drawn(same[anchors], 1, generator)[:, 0]
    everything = np.broadcast_to(known, same.shape)[anchors] & ~np.eye(len(sample), dtype=bool)[anchors]
    others = sample.false_MM[anchors] == 0
    found = []
    for count in counts:
        drawn = [_terms(sample, anchors, positive_A, _drawn(mask, count, generator)) for mask in (everything, others)]
        plain, true = (softmax_loss(terms, temperature=temperature) for terms in drawn)
        debiased = softmax_loss(drawn[0], temperature=temperature, tau_plus=tau_plus)
        found.append(LossFigure(count, *(_mean(loss, drawn[0]) for loss in (plain, true, debiased))))
    return found


def _drawn(allowed_AM: NDArray[np.bool_], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """`(A, count)` columns drawn uniformly, with repetition, among those that each row allows."""
    number_A = allowed_AM.sum(axis=1)
    place = (generator.random((len(allowed_AM), count)) * number_A[:, None]).astype(np.int64)
    ranked = np.argsort(~allowed_AM, axis=1, kind="stable")  # the allowed ones first
    return np.asarray(np.take_along_axis(ranked, place, axis=1))


def _terms(
    sample: CorpusSample, anchor_A: NDArray[np.int64], positive_A: NDArray[np.int64], negative_AN: NDArray[np.int64]
) -> Terms:
    similarity = sample.similarity_MM.astype(np.float64)
    candidate = torch.from_numpy(similarity[anchor_A[:, None], negative_AN])
    return Terms(
        torch.from_numpy(similarity[anchor_A, positive_A]),
        candidate,
        torch.ones_like(candidate, dtype=torch.bool),
        None,
        torch.full((len(anchor_A),), math.log(negative_AN.shape[1]), dtype=torch.float64),
    )


def _mean(loss: Tensor, terms: Terms) -> float:
    return mean_over_anchors(loss, terms.contrasted).item()
