"""Slow and plain answers that fast code must agree with: NumPy, double loops, no cleverness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def nearest(
    vectors_ND: NDArray[Any], query_D: NDArray[Any], k: int, allowed: Sequence[int] | None = None
) -> tuple[list[int], list[float]]:
    """The k rows with the largest inner product in float64; equal ones in row order."""
    rows = np.arange(len(vectors_ND)) if allowed is None else np.array(sorted(allowed), dtype=np.int64)
    similarity = vectors_ND[rows].astype(np.float64) @ query_D.astype(np.float64)
    order = np.lexsort((rows, -similarity))[:k]
    return rows[order].tolist(), similarity[order].tolist()


def similarities(vectors_ND: NDArray[Any]) -> NDArray[np.float64]:
    """All inner products in float64, one by one: in a matrix product equal rows may differ in the last bit by their position."""
    wide = vectors_ND.astype(np.float64)
    return np.array([[min(1.0, float((a * b).sum())) for b in wide] for a in wide])


def hardest(similarity_NN: NDArray[np.float64], k: int) -> list[list[int]]:
    """For each row the k largest other columns; equal ones in column order."""
    found = []
    for anchor, row in enumerate(similarity_NN):
        others = [j for j in range(len(row)) if j != anchor]
        found.append(sorted(others, key=lambda j: (-row[j], j))[:k])
    return found


def base_rate(labels: Sequence[str | None]) -> float | None:
    """Share of ordered pairs of two different labelled rows that share their label."""
    pairs = same = 0
    for i, a in enumerate(labels):
        for j, b in enumerate(labels):
            if i != j and a is not None and b is not None:
                pairs += 1
                same += a == b
    return same / pairs if pairs else None


def rate_at_rank(labels: Sequence[str | None], neighbours: Sequence[Sequence[int]], rank: int) -> float | None:
    """False-negative rate at one rank (1-based): same label among the pairs whose labels are both known."""
    known = same = 0
    for anchor, row in enumerate(neighbours):
        a, b = labels[anchor], labels[row[rank - 1]]
        if a is not None and b is not None:
            known += 1
            same += a == b
    return same / known if known else None


def negative_shares(row: NDArray[np.float64], anchor: int, temperature: float, beta: float) -> NDArray[np.float64]:
    """Each other row's share of the push away from the anchor: the positive part of d(Σ w e / Σ w)/ds, normalised; 0 for the anchor."""
    e = np.array([0.0 if j == anchor else np.exp((s - 1) / temperature) for j, s in enumerate(row)])
    w = np.array([0.0 if j == anchor else np.exp(beta * (s - 1) / temperature) for j, s in enumerate(row)])
    mean = (w * e).sum() / w.sum()
    push = np.maximum(0.0, w * ((1 + beta) * e - beta * mean))
    share: NDArray[np.float64] = push / push.sum()
    return share


def average_precision_at_r(ranked_same: Sequence[bool], relevant: int) -> float:
    """MAP@R of one query: mean over the first R ranks of precision at each rank that is relevant."""
    hits, total = 0, 0.0
    for rank, same in enumerate(ranked_same[:relevant], start=1):
        if same:
            hits += 1
            total += hits / rank
    return total / relevant


def average_precision(scored: Sequence[tuple[float, bool]]) -> float | None:
    """Sum over distinct scores, from the highest, of precision times the gain in recall; `None` if nothing is relevant."""
    relevant = sum(same for _, same in scored)
    total, before = 0.0, 0
    for least in sorted({score for score, _ in scored}, reverse=True):
        found = [same for score, same in scored if score >= least]
        total += sum(found) / len(found) * (sum(found) - before)
        before = sum(found)
    return total / relevant if relevant else None
