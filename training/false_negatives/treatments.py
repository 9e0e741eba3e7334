"""Treatments of predicted false negatives: keep them, leave them out, pull them in, weigh them less, or mixtures of these.

# A anchors, M candidates

A treatment takes the terms of a batch and a detector's prediction for each pair, and returns other terms; the objective does not know. The
rest of the negatives is rescaled to stand for all of them, so that the balance between pull and push stays. All but `none` raise
`ValueError` for a prediction of another shape than the terms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from samekind.training.objectives.checks import check_shape
from samekind.training.objectives.terms import Terms

LEAST_SHARE = 1e-6  # of a negative that is surely false; below it the logarithm would not be finite


@dataclass(frozen=True)
class FalseNegativePrediction:
    """False negatives among the pairs of a batch, as a detector predicts them.

    Attributes:
        flagged: `(A, M)` bool, predicted to be false negatives.
        probability: `(A, M)` float32 in [0, 1], of being a false negative.
    """

    flagged: Tensor
    probability: Tensor


def none(terms: Terms, prediction: FalseNegativePrediction) -> Terms:
    """Every negative stays."""
    return terms


def eliminate(terms: Terms, prediction: FalseNegativePrediction) -> Terms:
    """Flagged negatives are left out, and the rest is rescaled by N / #left.

    Source:
        arXiv 2011.11765, section 3.3, which does not rescale; rescaled as in GloFND, arXiv 2502.20612.
    """
    _check(terms, prediction)
    return replace(terms, negative_mask=terms.negative_mask & ~prediction.flagged)


def attract(terms: Terms, prediction: FalseNegativePrediction) -> Terms:
    """Flagged negatives become positives and leave the negatives' mass.

    Source:
        arXiv 2011.11765, equation 4; its released code keeps them in the denominator.
    """
    left = eliminate(terms, prediction)
    flagged = (terms.negative_mask & prediction.flagged).to(terms.candidate.dtype)
    return replace(left, positive_weight=flagged)


def soft(terms: Terms, prediction: FalseNegativePrediction) -> Terms:
    """Each negative weighs `1 − P`, P the probability of being false; P in {0, 1} is elimination."""
    share = (1 - _probability(terms, prediction)).clamp(0, 1)
    weight = share.clamp(min=LEAST_SHARE).log()
    if terms.log_weight is not None:
        weight = weight + terms.log_weight
    return replace(terms, negative_mask=terms.negative_mask & (share > LEAST_SHARE), log_weight=weight)


def soft_attract(terms: Terms, prediction: FalseNegativePrediction) -> Terms:
    """Each negative weighs `1 − P`, and all together are at most one more positive, each with its share of the P.

    One positive, so that an anchor with many predicted false negatives is pulled no further from its own view than one with few. Less than
    one where the probabilities add up to less, so that without any nothing is pulled in.

    Source:
        A soft target beside the view: CO2, arXiv 2010.02217; SCE, arXiv 2111.14585, equation 6. Pushing them less as well is ours.
    """
    probability = _probability(terms, prediction) * terms.negative_mask
    share = probability / probability.sum(1, keepdim=True).clamp(min=1)
    return replace(soft(terms, prediction), positive_weight=share)


def attract_likely(terms: Terms, prediction: FalseNegativePrediction) -> Terms:
    """Flagged negatives are left out, and those more likely false than not are positives: suspicion spares, and only certainty pulls.

    Source:
        Both halves are arXiv 2011.11765's; to ask more of a positive than of a negative that is spared is ours.
    """
    left = eliminate(terms, prediction)
    likely = terms.negative_mask & prediction.flagged & (prediction.probability > 1 / 2)
    return replace(left, positive_weight=likely.to(terms.candidate.dtype))


TREATMENTS: dict[str, Callable[[Terms, FalseNegativePrediction], Terms]] = {
    "none": none,
    "eliminate": eliminate,
    "attract": attract,
    "soft": soft,
    "soft_attract": soft_attract,
    "attract_likely": attract_likely,
}


def _probability(terms: Terms, prediction: FalseNegativePrediction) -> Tensor:
    """The probabilities in the precision of the terms, without gradient."""
    _check(terms, prediction)
    return prediction.probability.detach().to(terms.candidate.dtype)


def _check(terms: Terms, prediction: FalseNegativePrediction) -> None:
    shape = tuple(terms.candidate.shape)
    check_shape("flagged", prediction.flagged, shape)
    check_shape("probability", prediction.probability, shape)
