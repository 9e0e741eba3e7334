"""The lower bound on mutual information that InfoNCE carries.

It is a bound and not an estimate, and it cannot exceed `log K`. Negatives of the anchor's own class do not bias it: they belong to the
marginal that the bound contrasts with. What they bias is the class structure of the embedding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


@torch.no_grad()
def info_nce_bound(view_1_BD: Tensor, view_2_BD: Tensor, temperature: float) -> float:
    """`log K − L` in nats, with K = B candidates taken across views only.

    Pairs within a view are left out: they depend on each other and the proof does not carry over to them.

    Args:
        view_1_BD: `(B, D)` unit-norm projections of the first views.
        view_2_BD: `(B, D)` unit-norm projections of the second views, row by row of the same images.
        temperature: τ > 0.

    Returns:
        The bound, at most `log B`; may be negative.

    Source:
        arXiv 1807.03748, section 2.3; arXiv 1905.06922, equation 10.
    """
    logits = view_1_BD.float() @ view_2_BD.float().T / temperature
    target = torch.arange(len(logits), device=logits.device)
    return min(math.log(len(logits)) - functional.cross_entropy(logits, target).item(), math.log(len(logits)))
