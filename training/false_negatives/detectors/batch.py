"""Detectors that read the batch alone: how similar a candidate is, compared with whatever is at hand.

# A anchors, M candidates, N training images
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast

SUPPORT_TOP = 10
LEARNING_RATE, BETAS = 0.05, (0.9, 0.98)


class Threshold(Detector):
    """Among the anchor's ten most similar and above a threshold; similar to either of the anchor's views.

    Source:
        arXiv 2011.11765, section 3.2, with the two views at hand as support views (the paper adds eight).
    """

    default_threshold = 0.7
    max_over_views = True

    def scores(self, contrast: Contrast) -> Tensor:
        """The greater of the cosines to the anchor and to its positive."""
        support = contrast.positive_vector.float() @ contrast.candidate_vector.float().T
        return torch.maximum(contrast.candidate.float(), support)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """Outside the top ten nothing is flagged."""
        prediction = super().decide(scores_AM, contrast)
        masked = scores_AM.masked_fill(~contrast.is_negative, -2.0)
        least = masked.topk(min(SUPPORT_TOP, masked.shape[1]), dim=1).values[:, -1:]
        top = masked >= least
        return FalseNegativePrediction(prediction.flagged & top, prediction.probability * top)


class Quantile(Detector):
    """A threshold λ per image, learned so that a share α of its negatives lies above it.

    Args:
        num_images: N.
        prior: α in (0, 1).
        threshold: distance above λ.

    The first visit to an image starts its λ at the batch's quantile; from 1 it would move 0.05 a visit and never arrive.

    Source:
        GloFND, arXiv 2502.20612, algorithm 1.
    """

    image_threshold: Tensor
    visits: Tensor
    first_moment: Tensor
    second_moment: Tensor

    def __init__(self, num_images: int, prior: float, threshold: float | None = None) -> None:
        super().__init__(threshold)
        self.prior = prior
        for name in ("image_threshold", "visits", "first_moment", "second_moment"):
            self.register_buffer(name, torch.zeros(num_images))
        self.register_state_dict_post_hook(_rename_saved)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_rename_loaded)  # type: ignore[no-untyped-call]

    def scores(self, contrast: Contrast) -> Tensor:
        """`s − λ_i`, after λ has learned from this batch."""
        if self.training:
            self._learn(contrast)
        return contrast.candidate.float() - self.image_threshold[contrast.anchor_index][:, None]

    def warm_up(self, contrast: Contrast) -> None:
        """Starts the λ of this batch's images at its quantile."""
        self.train().scores(contrast)

    def _learn(self, contrast: Contrast) -> None:
        # Both views of an image are anchors: they learn one λ, from all their negatives.
        images, anchor = contrast.anchor_index.unique(return_inverse=True)
        similarity, mask = contrast.candidate.detach().float(), contrast.is_negative
        new = self.visits[images] == 0
        if bool(new.any()):
            per_anchor = _row_quantile(similarity, mask, 1 - self.prior)
            self.image_threshold[images[new]] = _mean_by(per_anchor, anchor, len(images))[new]
            # Adam's first step is as long as any, whatever the gradient, and would throw the start away.
            self.visits[images[new]] = 1
        above = (similarity > self.image_threshold[contrast.anchor_index][:, None]) & mask
        share = _mean_by(above.sum(1) / mask.sum(1).clamp(min=1), anchor, len(images))
        images, share = images[~new], share[~new]
        gradient = self.prior - share
        step = self.visits[images]  # the first visit was the start
        first = self.first_moment[images].lerp(gradient, 1 - BETAS[0])
        second = self.second_moment[images].lerp(gradient**2, 1 - BETAS[1])
        change = (first / (1 - BETAS[0] ** step)) / ((second / (1 - BETAS[1] ** step)).sqrt() + 1e-8)
        self.image_threshold[images] = (self.image_threshold[images] - LEARNING_RATE * change).clamp(-1, 1)
        self.first_moment[images], self.second_moment[images], self.visits[images] = first, second, step + 1


class Posterior(Detector):
    """The probability of being false that follows from a pair's rank among the anchor's negatives.

    Args:
        prior: τ⁺ in (0, 1).
        alpha: α in [0.5, 1], how well the encoder already ranks (the AUC); 0.5 knows nothing.
        threshold: probability above which a pair is flagged; `None` flags a share τ⁺ of each anchor's negatives. One half would flag none:
            at τ⁺ = 0.1 and α = 0.9 that is what the very hardest reaches.

    Source:
        BCL, arXiv 2301.11673, equations 9 to 14; the stable root of the quadratic.
    """

    def __init__(self, prior: float, alpha: float = 0.9, threshold: float | None = None) -> None:
        hardest_share = bcl_posterior(torch.tensor(1 - prior, dtype=torch.float64), prior, alpha).item()
        super().__init__(hardest_share if threshold is None else threshold)
        self.prior, self.alpha = prior, alpha

    def scores(self, contrast: Contrast) -> Tensor:
        """`P(false negative | s)`."""
        rank = _row_ranks(contrast.candidate.float(), contrast.is_negative)
        return bcl_posterior(rank, self.prior, self.alpha)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """The score is the probability."""
        return FalseNegativePrediction(scores_AM > self.threshold, scores_AM)


class RelativeMargin(Detector):
    """More similar than the positive, less a margin in its proportion: `s_ij > s_i⁺ − m·|s_i⁺|`.

    Source:
        NV-Retriever, arXiv 2407.15831, section 4 (TopK-PercPos).
    """

    default_threshold = -0.05

    def scores(self, contrast: Contrast) -> Tensor:
        """`(s_ij − s_i⁺) / |s_i⁺|`; the threshold is `−m`."""
        positive = contrast.positive.float()[:, None]
        return (contrast.candidate.float() - positive) / positive.abs().clamp(min=1e-3)


def _rename_saved(detector: Quantile, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Checkpoints call λ `threshold`, the name that it had in release 0.1."""
    state[prefix + "threshold"] = state.pop(prefix + "image_threshold")


def _rename_loaded(detector: Quantile, state: dict[str, Any], prefix: str, *_: object) -> None:
    if prefix + "threshold" in state:
        state[prefix + "image_threshold"] = state.pop(prefix + "threshold")


def bcl_posterior(rank_AM: Tensor, prior: float, alpha: float) -> Tensor:
    """BCL's `P(false negative | s)` from the empirical CDF.

    Args:
        rank_AM: u in [0, 1] of any shape, the share of the anchor's negatives that are at most as similar.
        prior: τ⁺ in (0, 1).
        alpha: α in [0.5, 1].

    Source:
        arXiv 2301.11673, equations 9 to 14.
    """
    true_prior = 1 - prior
    a = (1 - 2 * alpha) * (true_prior - prior)
    b = 2 * (alpha * true_prior + (1 - alpha) * prior)
    cdf = 2 * rank_AM / (b + (b * b + 4 * a * rank_AM).clamp(min=0).sqrt())
    low, high = 2 * (1 - cdf), 2 * cdf
    true = alpha * low + (1 - alpha) * high
    false = (1 - alpha) * low + alpha * high
    return prior * false / (true_prior * true + prior * false).clamp(min=1e-12)


def _row_ranks(values_AM: Tensor, mask_AM: Tensor) -> Tensor:
    """Empirical CDF of each masked value within its row, in (0, 1]."""
    order = values_AM.masked_fill(~mask_AM, -torch.inf).argsort(dim=1)
    position = torch.empty_like(order).scatter_(
        1, order, torch.arange(order.shape[1], device=order.device).expand_as(order)
    )
    outside = (~mask_AM).sum(1, keepdim=True)
    return ((position - outside + 1).float() / mask_AM.sum(1, keepdim=True).clamp(min=1)).clamp(0, 1)


def _row_quantile(values_AM: Tensor, mask_AM: Tensor, share: float) -> Tensor:
    """The `share` quantile of each row's masked values."""
    return torch.nanquantile(values_AM.masked_fill(~mask_AM, torch.nan), share, dim=1).nan_to_num(1.0)


def _mean_by(values_A: Tensor, group_A: Tensor, groups: int) -> Tensor:
    total = torch.zeros(groups, device=values_A.device).index_add_(0, group_A, values_A.float())
    return total / torch.bincount(group_A, minlength=groups).clamp(min=1)
