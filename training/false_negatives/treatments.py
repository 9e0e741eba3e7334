"""What is done with suspected false negatives: nothing, leave them out, pull them in, weigh them less, or both of the last.

# A anchors, M candidates

A treatment takes the terms of a batch and what a detector says of each pair, and returns other terms; the objective does not know. The
rest of the negatives is rescaled to stand for all of them, so that the balance between pull and push stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from samekind.training.objectives.contrastive import Terms

LEAST_SHARE = 1e-6  # of a negative that is surely false; below it the logarithm would not be finite


@dataclass(frozen=True)
class FalseNegativePrediction:
    """What a detector says of the pairs of a batch.

    Attributes:
        flagged: `(A, M)` bool, taken to be false negatives.
        probability: `(A, M)` float32 in [0, 1] of being one.
    """

    flagged: Tensor
    probability: Tensor


def none(terms: Terms, suspects: FalseNegativePrediction) -> Terms:
    """Every negative stays."""
    return terms


def eliminate(terms: Terms, suspects: FalseNegativePrediction) -> Terms:
    """Flagged negatives are left out, and the rest is rescaled by N / #kept.

    Source:
        arXiv 2011.11765, section 3.3, which does not rescale; rescaled as in GloFND, arXiv 2502.20612.
    """
    return replace(terms, kept=terms.kept & ~suspects.flagged)


def attract(terms: Terms, suspects: FalseNegativePrediction) -> Terms:
    """Flagged negatives become positives and leave the negatives' mass.

    Source:
        arXiv 2011.11765, equation 4; its released code keeps them in the denominator.
    """
    return replace(eliminate(terms, suspects), pulled=(terms.kept & suspects.flagged).float())


def soft(terms: Terms, suspects: FalseNegativePrediction) -> Terms:
    """Each negative weighs `1 − P`, P the probability of being false; P in {0, 1} is elimination."""
    share = (1 - suspects.probability.detach()).clamp(0, 1)
    weight = share.clamp(min=LEAST_SHARE).log()
    if terms.log_weight is not None:
        weight = weight + terms.log_weight
    return replace(terms, kept=terms.kept & (share > LEAST_SHARE), log_weight=weight)


def soft_attract(terms: Terms, suspects: FalseNegativePrediction) -> Terms:
    """Each negative weighs `1 − P`, and all together are at most one more positive, each with its share of the P.

    One positive, so that an anchor with many suspects is pulled no further from its own view than one with few. Less than one where fewer
    than one is suspected in all, so that nobody's suspicion pulls nobody in.

    Source:
        A soft target beside the view: CO2, arXiv 2010.02217; SCE, arXiv 2111.14585, equation 6. Pushing suspects less as well is ours.
    """
    probability = suspects.probability.detach() * terms.kept
    share = probability / probability.sum(1, keepdim=True).clamp(min=1)
    return replace(soft(terms, suspects), pulled=share)


TREATMENTS: dict[str, Callable[[Terms, FalseNegativePrediction], Terms]] = {
    "none": none,
    "eliminate": eliminate,
    "attract": attract,
    "soft": soft,
    "soft_attract": soft_attract,
}
