"""Hits that differ from each other: maximal marginal relevance.

Source: Carbonell & Goldstein 1998, "The use of MMR, diversity-based reranking for reordering documents and producing summaries", with
λ = 1 − diversity: of the candidates that are left, the next hit is the one of greatest
(1 − d) · similarity to the query − d · greatest similarity to a hit that is chosen already.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 5
"""Nearest rows looked at for each hit wanted."""
FEWEST = 50
"""Nearest rows looked at in any case."""


def candidates(k: int) -> int:
    """How many of the nearest rows k diverse hits are chosen from."""
    return max(CANDIDATES * k, FEWEST)


def diverse(
    similarity_N: NDArray[np.float64], vectors_ND: NDArray[np.float32], k: int, diversity: float
) -> NDArray[np.int64]:
    """Chooses k of N candidates by maximal marginal relevance.

    Args:
        similarity_N: `(N,)` cosines to the query.
        vectors_ND: `(N, D)` of unit norm, in the space of these cosines.
        k: hits wanted; all candidates if there are no more.
        diversity: d in [0, 1]; 0 is the order of similarity, 1 looks at the query for the first hit only.

    Returns:
        `(min(k, N),)` int64 candidates in the order they were chosen; of equally good ones, the first.
    """
    k = min(k, len(similarity_N))
    if k == 0:
        return np.empty(0, np.int64)
    chosen, left_N = [int(np.argmax(similarity_N))], np.ones(len(similarity_N), dtype=bool)
    nearest_N = np.full(len(similarity_N), -np.inf)  # to a hit that is chosen
    while len(chosen) < k:
        left_N[chosen[-1]] = False
        nearest_N = np.maximum(nearest_N, vectors_ND @ vectors_ND[chosen[-1]])
        score_N = (1 - diversity) * similarity_N - diversity * nearest_N
        chosen.append(int(np.argmax(np.where(left_N, score_N, -np.inf))))
    return np.array(chosen, dtype=np.int64)
