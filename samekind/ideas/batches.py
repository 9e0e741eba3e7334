"""What a larger batch and greater hardness do to the negatives of a corpus."""

# M images of a sample, N negatives

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import gammaln

from samekind.ideas.sample import CorpusSample
from samekind.training.diagnostics.gradient_weights import GradientWeights


@dataclass(frozen=True)
class BatchFigure:
    """The hardest negative of an anchor in a batch of one size.

    Attributes:
        batch: images of the batch, the anchor among them.
        similarity: mean cosine of the hardest negative.
        false: probability that it is of the anchor's class; `None` without labels.
    """

    batch: int
    similarity: float
    false: float | None


def hardest_by_batch(sample: CorpusSample, batches: Sequence[int]) -> list[BatchFigure]:
    """The hardest negative by batch size: the mean over all anchors of the sample and all batches that could be drawn from it.

    Nothing is simulated: of an anchor's n possible negatives, the r-th hardest is the hardest of m drawn ones with probability
    C(n − r, m − 1) / C(n, m). Images of unknown class are left out where any class is known.

    Args:
        sample: of two images at least.
        batches: images a batch, each at least 2; those that the sample is too small for are left out.
    """
    known = np.diagonal(sample.false_MM) == 1 if sample.has_labels else np.ones(len(sample), dtype=bool)
    similarity, false = sample.similarity_MM[np.ix_(known, known)], sample.false_MM[np.ix_(known, known)]
    count = len(similarity)
    order = np.argsort(-similarity + 4 * np.eye(count), axis=1, kind="stable")[
        :, :-1
    ]  # the anchor itself last, and off
    by_rank = np.take_along_axis(similarity, order, axis=1).mean(axis=0)
    false_by_rank = (np.take_along_axis(false, order, axis=1) == 1).mean(axis=0)
    found = []
    for batch in batches:
        if 2 <= batch <= count:
            chance = _chance_to_be_hardest(count - 1, batch - 1)
            is_false = float(chance @ false_by_rank) if sample.has_labels else None
            found.append(BatchFigure(batch, float(chance @ by_rank), is_false))
    return found


def _chance_to_be_hardest(count: int, drawn: int) -> NDArray[np.float64]:
    """`(count,)` probability that the r-th hardest of `count` is the hardest of `drawn`."""
    left = count - np.arange(1, count + 1)
    log_chance = np.full(count, -np.inf)
    possible = left >= drawn - 1
    log_chance[possible] = _log_choose(left[possible], drawn - 1) - _log_choose(np.array([count]), drawn)
    return np.asarray(np.exp(log_chance))


def _log_choose(n: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    return np.asarray(gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0))


def at_least_one(base_rate: float, batch: int) -> float:
    """Probability that a batch holds a negative of the anchor's class, each being one with probability `base_rate`."""
    return float(1 - (1 - base_rate) ** (batch - 1))


def push_shares(similarity_N: NDArray[np.float32], beta: float, temperature: float) -> NDArray[np.float64]:
    """How the push away from its negatives is shared out among them, as in the audit's share of the gradient.

    Args:
        similarity_N: `(N,)` cosines of the anchor and its negatives, N ≥ 1.
        beta: hardness β ≥ 0.
        temperature: τ > 0.

    Returns:
        `(N,)` shares that sum to 1.
    """
    similarity = torch.from_numpy(similarity_N.astype(np.float32))[None]
    weights, _ = GradientWeights(temperature, beta).weights(similarity.clone(), similarity.max(1, keepdim=True).values)
    weight = weights[0].double().numpy()
    return np.asarray(weight / weight.sum())


def push_on_same_class(sample: CorpusSample, beta: float, temperature: float) -> float | None:
    """Mean share of an anchor's push that falls on images of its class, were all of the sample its negatives.

    Args:
        sample: of two images at least.
        beta: hardness β ≥ 0.
        temperature: τ > 0.

    Returns:
        In [0, 1]; `None` without labels. Images of unknown class are neither anchors nor negatives.
    """
    if not sample.has_labels:
        return None
    known = np.flatnonzero(np.diagonal(sample.false_MM) == 1)
    similarity = sample.similarity_MM[np.ix_(known, known)].copy()
    np.fill_diagonal(similarity, -np.inf)
    tensor = torch.from_numpy(similarity)
    weights, _ = GradientWeights(temperature, beta).weights(tensor, tensor.max(1, keepdim=True).values)
    weight = weights.double().numpy()
    false = np.where(sample.false_MM[np.ix_(known, known)] == 1, weight, 0.0)
    return float((false.sum(axis=1) / weight.sum(axis=1)).mean())
