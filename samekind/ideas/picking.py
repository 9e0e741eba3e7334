"""InfoNCE as picking the positive among N."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.training.objectives.contrastive import softmax_loss
from samekind.training.objectives.terms import Terms


def pick_probabilities(positive: float, negative_N: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """How probably the positive and each negative is picked: by the loss `info_nce` itself and its derivatives.

    The loss is −log p⁺, and its derivative by the similarity of a negative is p / τ.

    Args:
        positive: cosine of anchor and positive.
        negative_N: `(N,)` cosines of anchor and negatives, N ≥ 1.
        temperature: τ > 0.

    Returns:
        `(1 + N,)` float64 that sum to 1, the positive first.

    Raises:
        ValueError: τ out of range.
    """
    candidate = torch.from_numpy(negative_N.astype(np.float64))[None].requires_grad_()
    terms = Terms(
        torch.tensor([positive], dtype=torch.float64),
        candidate,
        torch.ones_like(candidate, dtype=torch.bool),
        None,
        torch.tensor([math.log(len(negative_N))], dtype=torch.float64),
    )
    loss = softmax_loss(terms, temperature=temperature).sum()
    (slope,) = torch.autograd.grad(loss, candidate)
    return np.concatenate([[math.exp(-loss.item())], (slope[0] * temperature).numpy()])
