"""Duplicates that an audit comes across: rows of equal content, and pairs above a similarity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from samekind.indexer.audit.comparison import NearPairs

NEAR = 0.95
"""Cosine from which on two images of different content are reported as near duplicates.

Reviewed on Fashion-MNIST and `synthetic` (whitened embeddings): pairs from 0.95 on are the same product with another print or crop, around
0.9 some are merely alike; on `synthetic` every pair from 0.9 on is a known near duplicate. A space without whitening is narrower: there it
only says that the encoder can hardly tell two images apart.
"""
MOST_DUPLICATES = 1000


def exact_duplicates(content_N: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Up to 1,000 pairs of rows (a < b) of equal content, in table order."""
    groups: dict[int, list[int]] = {}
    for row in np.flatnonzero(np.bincount(content_N)[content_N] > 1).tolist():
        groups.setdefault(int(content_N[row]), []).append(row)
    pairs: list[tuple[int, int]] = []
    for group in groups.values():
        for i, a in enumerate(group):
            pairs += [(a, b) for b in group[i + 1 : i + 1 + MOST_DUPLICATES - len(pairs)]]
            if len(pairs) >= MOST_DUPLICATES:
                return pairs
    return pairs


def pairs_within(content_N: NDArray[np.int64]) -> int:
    """Number of pairs of rows of equal content."""
    counts = np.bincount(content_N).astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def named_duplicates(ids: list[str], exact: list[tuple[int, int]], near: NearPairs) -> list[dict[str, Any]]:
    """Exact ones first, then near ones, most similar first; capped."""
    pairs = [{"a": ids[a], "b": ids[b], "kind": "exact", "similarity": 1.0} for a, b in exact]
    pairs += [{"a": ids[a], "b": ids[b], "kind": "near", "similarity": value} for value, a, b in near.best]
    return pairs[:MOST_DUPLICATES]
