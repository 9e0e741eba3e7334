"""The lower bound on mutual information that InfoNCE carries.

It is a bound and not an estimate, and it cannot exceed `log K`. Negatives of the anchor's own class do not bias it: they belong to the
marginal that the bound contrasts with. They bias the class structure of the embedding. docs/mutual-information.md shows both on
distributions whose mutual information is known.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

BLOCK = 1024


@torch.no_grad()
def bound_of_logits(logits_BB: Tensor) -> float:
    """`log K − L` in nats, with K = B candidates an anchor.

    Args:
        logits_BB: `(B, B)` float32 or float64, the critic's value of anchor i with candidate j; the positive of anchor i is candidate i.

    Returns:
        The bound, at most `log B`; may be negative.

    Source:
        arXiv 1807.03748, section 2.3; arXiv 1905.06922, equation 10.
    """
    return _bound(_cross_entropy(logits_BB), len(logits_BB)).item()


@torch.no_grad()
def info_nce_bound(view_1_BD: Tensor, view_2_BD: Tensor, temperature: float) -> Tensor:
    """The bound between two views of a batch, with the objective's own critic: cosine / τ.

    Candidates are taken across views only. Pairs within a view are left out: they depend on each other and the proof does not carry over
    to them.

    Args:
        view_1_BD: `(B, D)` unit-norm projections of the first views.
        view_2_BD: `(B, D)` unit-norm projections of the second views, row by row of the same images.
        temperature: τ > 0.

    Returns:
        Scalar bound in nats, at most `log B`; may be negative. On the projections' device, so that nobody waits for it.
    """
    count = len(view_1_BD)
    loss = torch.zeros((), device=view_1_BD.device)
    for start in range(0, count, BLOCK):  # a large batch would otherwise build its whole matrix here
        logits = view_1_BD[start : start + BLOCK].float() @ view_2_BD.float().T / temperature
        loss = loss + _cross_entropy(logits, start) * len(logits)
    return _bound(loss / count, count)


def _cross_entropy(logits_RB: Tensor, start: int = 0) -> Tensor:
    """Mean over anchors `start`, `start + 1`, … whose positive is the candidate of the same number; in float64 where the device has it."""
    positive = torch.arange(start, start + len(logits_RB), device=logits_RB.device)
    loss = functional.cross_entropy(logits_RB, positive)
    return loss if loss.device.type == "mps" else loss.double()


def _bound(loss: Tensor, count: int) -> Tensor:
    return (math.log(count) - loss).clamp(max=math.log(count))
