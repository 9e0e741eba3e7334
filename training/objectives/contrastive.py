"""Contrastive losses as pure functions of `Terms`.

# A anchors, M candidates

`softmax_loss`, `decoupled_loss` and `binary_loss` reduce the terms of a batch to a loss per anchor, each from its own row alone, so that a
matrix may be worked through in blocks of rows; `mean_over_anchors` leaves out the anchors that have nothing to contrast. The objectives
are these three with different terms: `training.objectives.functional` says which.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from samekind.training.objectives.checks import check_shape
from samekind.training.objectives.terms import Terms, log_negative_mass, normalised_weights


def softmax_loss(terms: Terms, *, temperature: float, tau_plus: float = 0.0) -> Tensor:
    """`−log(e⁺ / (e⁺ + G))` with `e = exp(s / τ)` and `G` the negatives' mass: InfoNCE, and with weights or τ⁺ its descendants.

    Without weights and with τ⁺ = 0 it is `info_nce` (NT-Xent); with τ⁺ `debiased`; with hardness weights and τ⁺ `hard`. Further positives
    are averaged in by their weights, each against the same mass: with its own part added where it has left the negatives, with the
    augmented view's where it has stayed. Where all have stayed and weigh alike, that is SupCon for weights 0 and 1, and a soft
    cross-entropy for others. (So the loss jumps where the last of a negative's weight goes; at a batch of 256 the mass of the others hides
    it.)

    Args:
        terms: of one batch.
        temperature: τ > 0.
        tau_plus: class prior τ⁺ in [0, 1) of the debiasing correction; 0 corrects nothing.

    Returns:
        `(A,)` float loss per anchor, 0 for an anchor without negatives.

    Raises:
        ValueError: τ or τ⁺ out of range.

    Source:
        arXiv 1807.03748, equation 4; NT-Xent, arXiv 2002.05709; debiased, arXiv 2007.00224, equation 8; hard, arXiv 2010.04592,
        equation 4 (its released code where the pseudocode differs); further positives, arXiv 2011.11765, equation 4; SupCon, arXiv
        2004.11362, equation 2.
    """
    mass = log_negative_mass(terms, temperature=temperature, tau_plus=tau_plus)
    own = terms.positive / temperature
    other = None
    if terms.positive_weight is not None:
        logit = terms.candidate / temperature
        stayed = torch.logaddexp(mass, own)[:, None] - logit
        other = torch.where(terms.negative_mask, stayed, functional.softplus(mass[:, None] - logit))
    return _only_contrasted(_mean_over_positives(terms, functional.softplus(mass - own), other), terms)


def decoupled_loss(terms: Terms, *, temperature: float) -> Tensor:
    """`−log(e⁺ / G)`: the positive does not compete with itself, so a near positive slows no gradient.

    Args:
        terms: of one batch.
        temperature: τ > 0.

    Returns:
        `(A,)` float loss per anchor, 0 for an anchor without negatives; it may be negative.

    Raises:
        ValueError: τ out of range.

    Source:
        arXiv 2110.06848, equation 6.
    """
    mass = log_negative_mass(terms, temperature=temperature)
    other = None if terms.positive_weight is None else mass[:, None] - terms.candidate / temperature
    return _only_contrasted(_mean_over_positives(terms, mass - terms.positive / temperature, other), terms)


def binary_loss(terms: Terms, *, scale: Tensor, shift: Tensor) -> Tensor:
    """Noise-contrastive estimation: each pair is told apart from noise by itself, `f = scale · s − shift`.

    `−log σ(f⁺) − Σ_j log σ(−f_j)`, each negative by its weight. `training.objectives.nce` defines `scale` and `shift`.

    Args:
        terms: of one batch.
        scale: scalar float, 1/τ or learned.
        shift: `(A,)` float, log Z + log(N·q), or minus a learned bias.

    Returns:
        `(A,)` float loss per anchor, 0 for an anchor without negatives.

    Source:
        Gutmann and Hyvärinen 2010, equation 8; arXiv 1805.01978, equation 5; pairwise sigmoid, arXiv 2303.15343, equation 1.
    """
    of_positive, of_candidate = terms.positive * scale - shift, terms.candidate * scale - shift[:, None]
    push = functional.softplus(of_candidate) * normalised_weights(terms)
    noise = push.masked_fill(~terms.negative_mask, 0.0).sum(1)
    other = None if terms.positive_weight is None else functional.softplus(-of_candidate)
    return _only_contrasted(_mean_over_positives(terms, functional.softplus(-of_positive), other) + noise, terms)


def mean_over_anchors(loss_A: Tensor, contrasted_A: Tensor) -> Tensor:
    """Scalar mean over the anchors that have a negative left; 0 if none has.

    Args:
        loss_A: `(A,)` float.
        contrasted_A: `(A,)` bool, `Terms.contrasted`.

    Raises:
        ValueError: the two differ in shape.
    """
    check_shape("contrasted_A", contrasted_A, tuple(loss_A.shape))
    return loss_A.sum() / contrasted_A.sum().clamp(min=1)


def _mean_over_positives(terms: Terms, first_A: Tensor, other_AM: Tensor | None) -> Tensor:
    if terms.positive_weight is None or other_AM is None:
        return first_A
    pull = (other_AM * terms.positive_weight).masked_fill(terms.positive_weight == 0, 0.0)
    return (first_A + pull.sum(1)) / (1 + terms.positive_weight.sum(1))


def _only_contrasted(loss_A: Tensor, terms: Terms) -> Tensor:
    return torch.where(terms.contrasted, loss_A, torch.zeros_like(loss_A))
