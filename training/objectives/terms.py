"""Terms that an objective sums over, and the sums themselves, in logarithms.

# A anchors, M candidates

A batch reaches an objective as `Terms`: the positive, every candidate, which of them are negatives and how much each of those weighs, and
which are positives besides the augmented view. Hardness (`training.objectives.hardness`), the treatment of false negatives
(`training.false_negatives.treatments`) and synthetic negatives (`training.objectives.mochi`) only fill in those terms, so each combines
with each.

Everything stays in logarithms: no similarity, temperature or precision overflows. Half precision is computed in float32; float64 stays
float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from samekind.training.objectives.checks import check_class_prior, check_hardness, check_shape, check_temperature
from samekind.training.objectives.hardness import importance_log_weights
from samekind.training.objectives.similarity import Contrast, at_least_float32


@dataclass(frozen=True)
class Terms:
    """Summands of an objective; all floats have one dtype, float32 or float64.

    Attributes:
        positive: `(A,)` cosine of each anchor to its positive.
        candidate: `(A, M)` cosines to all candidates.
        negative_mask: `(A, M)` bool, candidates that are pushed away.
        log_weight: `(A, M)` log of each negative's weight, normalised by the objective to mean 1; `None` weighs all alike.
        log_count: `(A,)` log of the number of negatives that those of the mask stand for.
        positive_weight: `(A, M)` in [0, 1], how much each candidate is a positive too (the positive itself: 1); `None` for none.
    """

    positive: Tensor
    candidate: Tensor
    negative_mask: Tensor
    log_weight: Tensor | None
    log_count: Tensor
    positive_weight: Tensor | None = None

    @property
    def contrasted(self) -> Tensor:
        """`(A,)` bool, anchors that have a negative left; the loss of the others is 0."""
        return self.negative_mask.any(1)


def plain_terms(contrast: Contrast, *, beta: float = 0.0, temperature: float = 1.0) -> Terms:
    """Terms of an untreated batch, weighted by hardness.

    Args:
        contrast: similarities and masks of one batch.
        beta: hardness β ≥ 0; 0 weighs all negatives alike.
        temperature: τ > 0; read where β > 0.

    Raises:
        ValueError: β or τ out of range.
    """
    check_hardness(beta)
    check_temperature(temperature)
    candidate = at_least_float32(contrast.candidate)
    mask = contrast.is_negative
    weights = importance_log_weights(candidate, beta=beta, temperature=temperature) if beta else None
    return Terms(at_least_float32(contrast.positive), candidate, mask, weights, log_number(mask, candidate.dtype))


def with_positives(terms: Terms, is_positive_AM: Tensor) -> Terms:
    """Makes some of the negatives positives too; they stay in the denominator, as in SupCon.

    Args:
        terms: of one batch.
        is_positive_AM: `(A, M)` bool; candidates outside `terms.negative_mask` are ignored.

    Raises:
        ValueError: the mask has another shape.

    Source:
        arXiv 2004.11362, equation 2.
    """
    check_shape("is_positive_AM", is_positive_AM, tuple(terms.candidate.shape))
    return replace(terms, positive_weight=(terms.negative_mask & is_positive_AM).to(terms.candidate.dtype))


def log_negative_mass(terms: Terms, *, temperature: float, tau_plus: float = 0.0) -> Tensor:
    """`log G`: the log of the negatives' mass per anchor.

    `R = N · Σ_j w_j e_j / Σ_j w_j` over the negatives of the mask, N the number that they stand for; with τ⁺ it is corrected by the class
    prior to `max{(R − τ⁺ N e⁺) / (1 − τ⁺), N e^(−1/τ)}`.

    Args:
        terms: of one batch.
        temperature: τ > 0.
        tau_plus: class prior τ⁺ in [0, 1); 0 corrects nothing.

    Returns:
        `(A,)` float; of no meaning, but finite, for an anchor without negatives.

    Raises:
        ValueError: τ or τ⁺ out of range.
    """
    check_temperature(temperature)
    check_class_prior(tau_plus)
    logits = terms.candidate / temperature
    if terms.log_weight is None:
        own_count = log_number(terms.negative_mask, logits.dtype)
        mass = masked_logsumexp(logits, terms.negative_mask) - own_count + terms.log_count
    else:
        total = masked_logsumexp(terms.log_weight, terms.negative_mask)
        mass = masked_logsumexp(logits + terms.log_weight, terms.negative_mask) - total + terms.log_count
    if tau_plus > 0:
        mass = _debias(mass, terms.positive / temperature, terms.log_count, temperature, tau_plus)
    return mass


def normalised_weights(terms: Terms) -> Tensor:
    """`(A, M)` weights of the negatives that sum to the number they stand for (or `(A, 1)` where all weigh alike)."""
    if terms.log_weight is None:
        return (terms.log_count - log_number(terms.negative_mask, terms.log_count.dtype)).exp()[:, None]
    log_share = terms.log_weight - masked_logsumexp(terms.log_weight, terms.negative_mask)[:, None]
    # Masked before exp: the others' could be infinite, and 0 · ∞ is NaN in the gradient even where the value is dropped.
    return (log_share + terms.log_count[:, None]).masked_fill(~terms.negative_mask, -torch.inf).exp()


def log_number(mask_AM: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """`(A,)` log of the number of True entries of each row, 0 for a row without any."""
    return mask_AM.sum(1).clamp(min=1).to(dtype).log()


def masked_logsumexp(values_AM: Tensor, mask_AM: Tensor) -> Tensor:
    """`(A,)` `log Σ exp` over the True entries of each row; a large negative number, not −∞, for a row without any (so no NaN gradient)."""
    floor = torch.finfo(values_AM.dtype).min / 4
    return values_AM.masked_fill(~mask_AM, floor).logsumexp(1)


def _debias(log_mass: Tensor, positive: Tensor, log_count: Tensor, temperature: float, tau_plus: float) -> Tensor:
    """`log max{(R − τ⁺ N e⁺) / (1 − τ⁺), N e^(−1/τ)}` from `log R`, without leaving the logarithm."""
    floor = log_count - 1 / temperature
    log_share = math.log(tau_plus) + log_count + positive - log_mass  # of R that is expected to be false
    share = log_share.clamp(max=-1e-6).exp()  # kept below 1, since log1p(-1) would send NaN through `where`
    corrected = log_mass + torch.log1p(-share) - math.log1p(-tau_plus)
    return torch.where(log_share < 0, torch.maximum(corrected, floor), floor)
