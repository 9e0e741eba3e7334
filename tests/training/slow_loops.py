"""Slow NumPy loops that follow the papers line by line; what the fast code is checked against."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def info_nce(positive: Array, candidate: Array, is_negative: NDArray[np.bool_], temperature: float) -> float:
    """ArXiv 1807.03748, equation 4, one anchor at a time."""
    losses = []
    for i in range(len(positive)):
        negatives = [math.exp(s / temperature) for s, keep in zip(candidate[i], is_negative[i], strict=True) if keep]
        if negatives:
            own = math.exp(positive[i] / temperature)
            losses.append(-math.log(own / (own + sum(negatives))))
    return float(np.mean(losses)) if losses else 0.0


def hard(
    positive: Array, candidate: Array, is_negative: NDArray[np.bool_], temperature: float, beta: float, tau_plus: float
) -> float:
    """ArXiv 2010.04592 as its released code computes it: reweighting, debiasing, floor."""
    losses = []
    for i in range(len(positive)):
        s = candidate[i][is_negative[i]]
        if len(s) == 0:
            continue
        count = len(s)
        own = math.exp(positive[i] / temperature)
        mass, weight = np.exp(s / temperature), np.exp(beta * s / temperature)
        reweighted = (weight * mass).sum() / weight.mean()
        corrected = (reweighted - tau_plus * count * own) / (1 - tau_plus)
        corrected = max(corrected, count * math.exp(-1 / temperature))
        losses.append(-math.log(own / (own + corrected)))
    return float(np.mean(losses)) if losses else 0.0


def weighted_knn(
    bank: Array,
    bank_labels: NDArray[np.int64],
    query: Array,
    query_labels: NDArray[np.int64],
    k: int,
    temperature: float,
) -> float:
    """ArXiv 1805.01978, section 3.4, with a dictionary of votes."""
    correct = 0
    for q, truth in zip(query, query_labels, strict=True):
        similarity = bank @ q
        votes: dict[int, float] = {}
        for row in np.argsort(-similarity)[:k]:
            votes[int(bank_labels[row])] = votes.get(int(bank_labels[row]), 0.0) + math.exp(
                similarity[row] / temperature
            )
        correct += max(votes, key=votes.__getitem__) == truth
    return correct / len(query)
