"""Vectors that lean towards their nearest images: what an adapted space starts from.

What an image has in common with its nearest ones is more often its kind than what it alone shows, so a vector that goes a little of the
way to their mean lies better among all others, of whatever class; no answer is needed for that, and none is known here. It is the
averaging of database and query of instance retrieval (Turcot & Lowe, 2009; Gordo et al., "End-to-end learning of deep visual
representations for image retrieval", IJCV 2017). A vector from outside leans as the same image of the index does: the image itself is
among its nearest.
"""

from __future__ import annotations

import numpy as np

from samekind.indexer.search.unit_vectors import Float32
from samekind.indexer.search.vector_index import VectorIndex

# N vectors, B of them in a block, K neighbours, D dimension

NEIGHBOURS, LEAN = 6, 0.2
"""Nearest images, the image itself among them, and how far vectors go to their mean. Chosen on training splits (docs/decisions/0050)."""
MOST_ROWS = 20_000
"""Above that many rows nothing leans: the neighbours of all of them take longer than all the rest of an adaptation."""
_BLOCK = 1_024


def usual_lean(index: VectorIndex) -> tuple[int, float]:
    """Neighbours and share of the way, for an index of that size."""
    return (NEIGHBOURS, LEAN) if len(index) <= MOST_ROWS else (0, 0.0)


def leaning(vectors_ND: Float32, index: VectorIndex, neighbours: int, lean: float) -> Float32:
    """Vectors that have gone a share of the way to the mean of their nearest images.

    Args:
        vectors_ND: `(N, D)` float32 of unit norm.
        index: of the space that they are of.
        neighbours: K, how many nearest images; 0 leaves the vectors as they are.
        lean: share of the way, from 0 to 1.

    Returns:
        `(N, D)` float32 of unit norm; for equal vectors equal ones, whatever stands beside them.
    """
    if not neighbours or not len(vectors_ND):
        return vectors_ND
    found_ND = np.empty_like(vectors_ND)
    every = (
        None if index.exact else np.arange(len(index))
    )  # where a vector lies must not follow from how far a search looks
    for start in range(0, len(vectors_ND), _BLOCK):
        vector_BD = vectors_ND[start : start + _BLOCK]
        _, row_BK = index.search_batch(vector_BD, neighbours, every)
        mean_BD = index.vectors(row_BK.ravel()).reshape(*row_BK.shape, -1).mean(axis=1, dtype=np.float64)
        leaning_BD = (1 - lean) * vector_BD + lean * mean_BD
        found_ND[start : start + _BLOCK] = leaning_BD / np.linalg.norm(leaning_BD, axis=1, keepdims=True)
    return found_ND


def leaning_index(index: VectorIndex, neighbours: int, lean: float) -> VectorIndex:
    """The rows of an index as they lean, in memory; the index itself without neighbours."""
    if not neighbours:
        return index
    exact = index if index.exact else VectorIndex.build(lambda: [index.vectors()], index.dim, len(index), len(index))
    return index.mapped(lambda vectors_ND: leaning(vectors_ND, exact, neighbours, lean))
