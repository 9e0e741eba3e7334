"""Contrastive objectives as pure functions over a similarity matrix.

# A anchors, M candidates

A batch reaches an objective as `Terms`: the positive, every candidate, which of them are pushed away, how much each of those weighs, and
which are pulled in besides the positive. Hardness (`training.objectives.hardness`) and the treatment of false negatives
(`training.false_negatives.treatments`) only fill in those terms, so each combines with each. All objectives return a loss per anchor,
each from its own row alone, so that a matrix may be worked through in blocks of rows; `mean_over_anchors` leaves out the anchors that
have nothing to contrast.

Everything stays in logarithms: no similarity, temperature or precision overflows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from samekind.training.objectives.hardness import importance_log_weights
from samekind.training.objectives.similarity import Contrast


@dataclass(frozen=True)
class Terms:
    """What an objective sums over.

    Attributes:
        positive: `(A,)` float32 cosine of each anchor to its positive.
        candidate: `(A, M)` float32 cosines to all candidates.
        kept: `(A, M)` bool, candidates that are pushed away.
        log_weight: `(A, M)` float32 log of each kept candidate's weight, normalised by the objective to mean 1; `None` weighs all alike.
        log_count: `(A,)` float32 log of the number of negatives that the kept ones stand for.
        pulled: `(A, M)` float32 in [0, 1], how much each candidate is a positive too (the positive itself: 1); `None` for none.
    """

    positive: Tensor
    candidate: Tensor
    kept: Tensor
    log_weight: Tensor | None
    log_count: Tensor
    pulled: Tensor | None = None


def plain_terms(contrast: Contrast, *, beta: float = 0.0, temperature: float = 1.0) -> Terms:
    """The terms of an untreated batch, weighted by hardness.

    Args:
        contrast: similarities and masks of one batch.
        beta: hardness β ≥ 0.
        temperature: τ > 0.
    """
    candidate = contrast.candidate.float()
    mask = contrast.is_negative
    weights = importance_log_weights(candidate, beta=beta, temperature=temperature) if beta else None
    return Terms(contrast.positive.float(), candidate, mask, weights, log_number(mask))


def info_nce(terms: Terms, *, temperature: float, tau_plus: float = 0.0) -> Tensor:
    """`−log(e⁺ / (e⁺ + G))` with `e = exp(s / τ)` and `G` the negatives' mass: InfoNCE, and with weights or τ⁺ its descendants.

    Without weights and with τ⁺ = 0 it is `info_nce` (NT-Xent); with τ⁺ `debiased`; with hardness weights and τ⁺ `hard`. Further positives
    are averaged in by their weights, each against the same mass: with its own part added where it has left the negatives, with the altered
    view's where it has stayed. Where all have stayed and weigh alike, that is SupCon for weights 0 and 1, and a soft cross-entropy for
    others. (So the loss jumps where the last of a negative's weight goes; at a batch of 256 the mass of the others hides it.)

    Args:
        terms: of one batch.
        temperature: τ > 0.
        tau_plus: class prior τ⁺ in [0, 1) of the debiasing correction; 0 corrects nothing.

    Returns:
        `(A,)` float32 loss per anchor, 0 for an anchor without negatives.

    Source:
        arXiv 1807.03748, equation 4; NT-Xent, arXiv 2002.05709; debiased, arXiv 2007.00224, equation 8; hard, arXiv 2010.04592,
        equation 4 (its released code where the pseudocode differs); further positives, arXiv 2011.11765, equation 4; SupCon, arXiv
        2004.11362, equation 2.
    """
    mass = log_negative_mass(terms, temperature=temperature, tau_plus=tau_plus)
    own = terms.positive / temperature
    other = None
    if terms.pulled is not None:
        logit = terms.candidate / temperature
        stayed = torch.logaddexp(mass, own)[:, None] - logit
        other = torch.where(terms.kept, stayed, functional.softplus(mass[:, None] - logit))
    return _only_contrasted(_mean_over_positives(terms, functional.softplus(mass - own), other), terms)


def decoupled(terms: Terms, *, temperature: float) -> Tensor:
    """`−log(e⁺ / G)`: the positive does not compete with itself, so a near positive slows no gradient.

    Returns:
        `(A,)` float32 loss per anchor, 0 for an anchor without negatives; it may be negative.

    Source:
        arXiv 2110.06848, equation 6.
    """
    mass = log_negative_mass(terms, temperature=temperature)
    other = None if terms.pulled is None else mass[:, None] - terms.candidate / temperature
    return _only_contrasted(_mean_over_positives(terms, mass - terms.positive / temperature, other), terms)


def binary(terms: Terms, *, scale: Tensor, shift: Tensor) -> Tensor:
    """Noise-contrastive estimation: each pair is told apart from noise by itself, `f = scale · s − shift`.

    `−log σ(f⁺) − Σ_j log σ(−f_j)`, each negative by its weight. What `scale` and `shift` are is `training.objectives.nce`'s business.

    Args:
        terms: of one batch.
        scale: scalar float32, 1/τ or learned.
        shift: `(A,)` float32, log Z + log(N·q), or minus a learned bias.

    Returns:
        `(A,)` float32 loss per anchor, 0 for an anchor without negatives.

    Source:
        Gutmann and Hyvärinen 2010, equation 8; arXiv 1805.01978, equation 5; pairwise sigmoid, arXiv 2303.15343, equation 1.
    """
    of_positive, of_candidate = terms.positive * scale - shift, terms.candidate * scale - shift[:, None]
    push = functional.softplus(of_candidate) * _normalised_weights(terms)
    noise = push.masked_fill(~terms.kept, 0.0).sum(1)
    other = None if terms.pulled is None else functional.softplus(-of_candidate)
    return _only_contrasted(_mean_over_positives(terms, functional.softplus(-of_positive), other) + noise, terms)


def log_negative_mass(terms: Terms, *, temperature: float, tau_plus: float = 0.0) -> Tensor:
    """`log G`: the log of the negatives' mass per anchor.

    `R = N · Σ_j w_j e_j / Σ_j w_j` over the kept negatives, N the number that they stand for; with τ⁺ it is corrected by the class prior
    to `max{(R − τ⁺ N e⁺) / (1 − τ⁺), N e^(−1/τ)}`.

    Returns:
        `(A,)` float32; of no meaning, but finite, for an anchor without negatives.
    """
    logits = terms.candidate / temperature
    if terms.log_weight is None:
        mass = masked_logsumexp(logits, terms.kept) - log_number(terms.kept) + terms.log_count
    else:
        total = masked_logsumexp(terms.log_weight, terms.kept)
        mass = masked_logsumexp(logits + terms.log_weight, terms.kept) - total + terms.log_count
    if tau_plus > 0:
        mass = _debias(mass, terms.positive / temperature, terms.log_count, temperature, tau_plus)
    return mass


def mean_over_anchors(loss_A: Tensor, kept_AM: Tensor) -> Tensor:
    """Mean over the anchors that have at least one negative; 0 if none has."""
    return loss_A.sum() / kept_AM.any(1).sum().clamp(min=1)


def log_number(mask_AM: Tensor) -> Tensor:
    """`(A,)` float32 log of the number of True entries of each row, 0 for a row without any."""
    return mask_AM.sum(1).clamp(min=1).float().log()


def masked_logsumexp(values_AM: Tensor, mask_AM: Tensor) -> Tensor:
    """`log Σ exp` over the True entries of each row; a large negative number, not −∞, for a row without any (so no NaN gradient)."""
    floor = torch.finfo(values_AM.dtype).min / 4
    return values_AM.masked_fill(~mask_AM, floor).logsumexp(1)


def _mean_over_positives(terms: Terms, first_A: Tensor, other_AM: Tensor | None) -> Tensor:
    if terms.pulled is None or other_AM is None:
        return first_A
    pull = (other_AM * terms.pulled).masked_fill(terms.pulled == 0, 0.0)
    return (first_A + pull.sum(1)) / (1 + terms.pulled.sum(1))


def _only_contrasted(loss_A: Tensor, terms: Terms) -> Tensor:
    return torch.where(terms.kept.any(1), loss_A, torch.zeros_like(loss_A))


def _normalised_weights(terms: Terms) -> Tensor:
    """`(A, M)` weights of the kept negatives that sum to the number they stand for."""
    if terms.log_weight is None:
        return (terms.log_count - log_number(terms.kept)).exp()[:, None]
    log_share = terms.log_weight - masked_logsumexp(terms.log_weight, terms.kept)[:, None]
    # Masked before exp: the others' could be infinite, and 0 · ∞ is NaN in the gradient even where the value is dropped.
    return (log_share + terms.log_count[:, None]).masked_fill(~terms.kept, -torch.inf).exp()


def _debias(log_mass: Tensor, positive: Tensor, log_count: Tensor, temperature: float, tau_plus: float) -> Tensor:
    """`log max{(R − τ⁺ N e⁺) / (1 − τ⁺), N e^(−1/τ)}` from `log R`, without leaving the logarithm."""
    floor = log_count - 1 / temperature
    log_share = math.log(tau_plus) + log_count + positive - log_mass  # of R that is expected to be false
    share = log_share.clamp(max=-1e-6).exp()  # kept below 1, since log1p(-1) would send NaN through `where`
    corrected = log_mass + torch.log1p(-share) - math.log1p(-tau_plus)
    return torch.where(log_share < 0, torch.maximum(corrected, floor), floor)
