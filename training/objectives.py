"""Contrastive objectives as pure functions over a similarity matrix.

# A anchors, M candidates

All of them are one reduction, `contrastive`: a logit for the positive, a logit and a weight for every negative, a correction for the
false ones among them. It works on logarithms throughout, so that no similarity, temperature or precision overflows, and it returns a
loss per anchor: an anchor without negatives has nothing to contrast and is left out of the mean.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from training.hardness import importance_log_weights
from training.similarity import Contrast


def info_nce(contrast: Contrast, *, temperature: float) -> Tensor:
    """InfoNCE: `−log(e⁺ / (e⁺ + Σ_j e_j))` with `e = exp(s / τ)`.

    Args:
        contrast: similarities and masks of one batch.
        temperature: τ > 0.

    Returns:
        Scalar float32 loss, the mean over anchors that have a negative.

    Source:
        arXiv 1807.03748, equation 4; NT-Xent, arXiv 2002.05709.
    """
    return mean_over_anchors(contrastive(contrast, temperature=temperature), contrast.is_negative)


def hard(contrast: Contrast, *, temperature: float, beta: float, tau_plus: float) -> Tensor:
    """Hard-negative InfoNCE with debiasing: the negatives' mass is reweighted by hardness and corrected by the class prior.

    `R = N · Σ_j w_j e_j / Σ_j w_j` with `w = exp(β s / τ)`, `G = max{(R − τ⁺ N e⁺) / (1 − τ⁺), N e^(−1/τ)}` and the loss is
    `−log(e⁺ / (e⁺ + G))`. β = 0 is the debiased objective, β = 0 and τ⁺ = 0 is `info_nce`.

    Args:
        contrast: similarities and masks of one batch.
        temperature: τ > 0.
        beta: hardness β ≥ 0.
        tau_plus: class prior τ⁺ in [0, 1).

    Returns:
        Scalar float32 loss.

    Source:
        arXiv 2010.04592 (equation 4; its released code where the pseudocode differs) and arXiv 2007.00224, equation 8.
    """
    weights = importance_log_weights(contrast.candidate.float(), beta=beta, temperature=temperature)
    per_anchor = contrastive(contrast, temperature=temperature, log_weights=weights, tau_plus=tau_plus)
    return mean_over_anchors(per_anchor, contrast.is_negative)


def contrastive(
    contrast: Contrast, *, temperature: float, log_weights: Tensor | None = None, tau_plus: float = 0.0
) -> Tensor:
    """The reduction behind every in-batch objective.

    Args:
        contrast: similarities and masks of one batch.
        temperature: τ > 0.
        log_weights: `(A, M)` log of a weight per candidate, normalised here to mean 1 over each anchor's negatives; `None` is 1.
        tau_plus: class prior τ⁺ in [0, 1); 0 corrects nothing.

    Returns:
        `(A,)` float32 loss per anchor, 0 for an anchor without negatives.
    """
    positive = contrast.positive.float() / temperature
    logits = contrast.candidate.float() / temperature
    mask = contrast.is_negative
    log_count = mask.sum(1).clamp(min=1).float().log()
    if log_weights is None:
        log_mass = masked_logsumexp(logits, mask)
    else:
        log_mass = masked_logsumexp(logits + log_weights, mask) - masked_logsumexp(log_weights, mask) + log_count
    if tau_plus > 0:
        log_mass = _debias(log_mass, positive, log_count, temperature, tau_plus)
    loss = torch.nn.functional.softplus(log_mass - positive)
    return torch.where(mask.any(1), loss, torch.zeros_like(loss))


def mean_over_anchors(loss_A: Tensor, is_negative_AM: Tensor) -> Tensor:
    """Mean over the anchors that have at least one negative; 0 if none has."""
    return loss_A.sum() / is_negative_AM.any(1).sum().clamp(min=1)


def masked_logsumexp(values_AM: Tensor, mask_AM: Tensor) -> Tensor:
    """`log Σ exp` over the True entries of each row; a large negative number, not −∞, for a row without any (so no NaN gradient)."""
    floor = torch.finfo(values_AM.dtype).min / 4
    return values_AM.masked_fill(~mask_AM, floor).logsumexp(1)


def _debias(log_mass: Tensor, positive: Tensor, log_count: Tensor, temperature: float, tau_plus: float) -> Tensor:
    """`log max{(R − τ⁺ N e⁺) / (1 − τ⁺), N e^(−1/τ)}` from `log R`, without leaving the logarithm."""
    floor = log_count - 1 / temperature
    log_share = math.log(tau_plus) + log_count + positive - log_mass  # of R that is expected to be false
    share = log_share.clamp(max=-1e-6).exp()  # kept below 1, since log1p(-1) would send NaN through `where`
    corrected = log_mass + torch.log1p(-share) - math.log1p(-tau_plus)
    return torch.where(log_share < 0, torch.maximum(corrected, floor), floor)
