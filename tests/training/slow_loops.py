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


def negative_mass(s: Array, weight: Array, count: float, temperature: float) -> float:
    """Weights normalised to mean 1, times the number that the kept negatives stand for."""
    return float(count * (weight * np.exp(s / temperature)).sum() / weight.sum())


def treated(
    positive: Array,
    candidate: Array,
    is_negative: NDArray[np.bool_],
    probability: Array,
    *,
    temperature: float,
    beta: float,
    pull: bool,
) -> float:
    """`soft` for probabilities in (0, 1); `eliminate`, or with `pull` `attract`, for probabilities 0 and 1 (DESIGN.md, section 5)."""
    losses = []
    for i in range(len(positive)):
        columns = np.flatnonzero(is_negative[i])
        kept = [j for j in columns if probability[i, j] < 1]
        if not kept:
            continue
        s = candidate[i, kept]
        weight = (1 - probability[i, kept]) * np.exp(beta * s / temperature)
        mass = negative_mass(s, weight, len(columns), temperature)
        pulled = [candidate[i, j] for j in columns if pull and probability[i, j] == 1]
        own = [math.exp(p / temperature) for p in [positive[i], *pulled]]
        losses.append(float(np.mean([-math.log(e / (e + mass)) for e in own])))
    return float(np.mean(losses)) if losses else 0.0


def soft_attraction(
    positive: Array,
    candidate: Array,
    is_negative: NDArray[np.bool_],
    probability: Array,
    *,
    temperature: float,
    beta: float,
) -> float:
    """The view and, as at most one more positive, all suspects by their P; each negative weighs 1 − P."""
    losses = []
    for i in range(len(positive)):
        columns = np.flatnonzero(is_negative[i])
        kept = [j for j in columns if probability[i, j] < 1 - 1e-6]
        if not kept:
            continue
        s = candidate[i, kept]
        mass = negative_mass(s, np.exp(beta * s / temperature) * (1 - probability[i, kept]), len(columns), temperature)
        own = math.exp(positive[i] / temperature)
        loss, total = math.log((own + mass) / own), sum(probability[i, j] for j in columns)
        for j in columns if total else ():
            pair = math.exp(candidate[i, j] / temperature)
            others = own if j in kept else pair
            loss += probability[i, j] / max(total, 1.0) * math.log((others + mass) / pair)
        losses.append(loss / (1 + min(total, 1.0)))
    return float(np.mean(losses)) if losses else 0.0


def towards_neighbours(unit: Array, neighbours: int, bank: list[int] | None = None) -> Array:
    """Each row plus its nearest rows by cosine³, all rows or those of a bank; itself the first of them if it is there."""
    moved = np.empty_like(unit)
    for i, row in enumerate(unit):
        among = range(len(unit)) if bank is None else bank
        nearest = sorted(among, key=lambda j: -(unit[j] @ row))[:neighbours]
        mean = sum(max(unit[j] @ row, 0.0) ** 3 * unit[j] for j in nearest)
        moved[i] = row + mean / max(np.linalg.norm(mean), 1e-12)
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    return moved


def relation(joint: Array, index: NDArray[np.int64], mask: NDArray[np.bool_], t: float, prior: float) -> Array:
    """Each negative's share of `exp(cosine / t)` times the number of false negatives that are expected, at most 1."""
    found = np.zeros(mask.shape)
    for i in range(len(index)):
        for j in np.flatnonzero(mask[i]):
            found[i, j] = math.exp(joint[index[i]] @ joint[index[j]] / t)
        found[i] *= prior * mask[i].sum() / max(found[i].sum(), 1e-300)
    return np.minimum(found, 1.0)


def overlap_of_neighbourhoods(joint: Array, landmarks: list[int], sizes: list[int]) -> Array:
    """Mean Jaccard overlap of the sets of landmarks nearest to two rows, with Python sets; one size after the other."""
    similarity = joint @ joint[landmarks].T
    scores = np.zeros((len(joint), len(joint)))
    for size in sizes:
        near = [set(np.argsort(-row, kind="stable")[:size].tolist()) for row in similarity]
        scores += np.array([[len(a & b) / len(a | b) for b in near] for a in near]) / len(sizes)
    return scores


def decoupled(positive: Array, candidate: Array, is_negative: NDArray[np.bool_], temperature: float) -> float:
    """ArXiv 2110.06848, equation 6."""
    losses = []
    for i in range(len(positive)):
        s = candidate[i][is_negative[i]]
        losses.append(-positive[i] / temperature + math.log(np.exp(s / temperature).sum()))
    return float(np.mean(losses))


def supervised(
    positive: Array,
    candidate: Array,
    is_negative: NDArray[np.bool_],
    same: NDArray[np.bool_],
    temperature: float,
) -> float:
    """ArXiv 2004.11362, equation 2; `same` marks the positives besides the altered view."""
    losses = []
    for i in range(len(positive)):
        others = candidate[i][is_negative[i]]
        denominator = math.exp(positive[i] / temperature) + np.exp(others / temperature).sum()
        chosen = [positive[i], *candidate[i][is_negative[i] & same[i]]]
        losses.append(float(np.mean([-math.log(math.exp(s / temperature) / denominator) for s in chosen])))
    return float(np.mean(losses))


def nce(
    positive: Array,
    candidate: Array,
    is_negative: NDArray[np.bool_],
    *,
    temperature: float,
    log_partition: float,
    noise: float,
) -> float:
    """Gutmann and Hyvärinen 2010: the posterior that a sample is data, `p / (p + N q)` with `p = exp(s / τ) / Z`."""
    losses = []
    for i in range(len(positive)):
        others = candidate[i][is_negative[i]]
        expected = len(others) * noise

        def is_data(s: float, expected: float = expected) -> float:
            model = math.exp(s / temperature - log_partition)
            return model / (model + expected)

        losses.append(-math.log(is_data(positive[i])) - sum(math.log(1 - is_data(s)) for s in others))
    return float(np.mean(losses))


def bcl_posterior(u: float, prior: float, alpha: float) -> float:
    """ArXiv 2301.11673: solve the quadratic for the CDF of the anchor's own score by bisection, then Bayes."""
    true = 1 - prior

    # The mixture's CDF in terms of F: true · (αφ¹ + (1 − α)φ²) + prior · ((1 − α)φ¹ + αφ²), with Φ¹ = 2F − F², Φ² = F².
    def mixture(f: float) -> float:
        low, high = 2 * f - f * f, f * f
        return true * (alpha * low + (1 - alpha) * high) + prior * ((1 - alpha) * low + alpha * high)

    below, above = 0.0, 1.0
    for _ in range(60):
        middle = (below + above) / 2
        below, above = (middle, above) if mixture(middle) < u else (below, middle)
    low, high = 2 * (1 - below), 2 * below
    false = (1 - alpha) * low + alpha * high
    return prior * false / (true * (alpha * low + (1 - alpha) * high) + prior * false)


def jaccard_of_mutual_neighbours(embedding: Array, k: int) -> Array:
    """ArXiv 1701.08398, equations 2 and 5, with Python sets."""
    similarity = embedding @ embedding.T
    np.fill_diagonal(similarity, -np.inf)
    near = [set(np.argsort(-row, kind="stable")[:k].tolist()) for row in similarity]
    mutual = [{j for j in near[i] if i in near[j]} | {i} for i in range(len(near))]
    return np.array([[len(a & b) / len(a | b) for b in mutual] for a in mutual])


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
