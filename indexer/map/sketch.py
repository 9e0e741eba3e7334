"""A sketch of the map, there at once: the first two principal components, which the layout starts from. It needs no torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.search.searchable import SearchableIndex

MOST = 20_000
"""Images whose principal directions are worked out: of more they hardly change, and of wide vectors they take seconds."""
_BLOCK = 8192  # rows in float64 at once


def sketch_map(index: SearchableIndex) -> NDArray[np.float32]:
    """Where each image lies among the first two principal components of the space that searches use; no label is looked at.

    Args:
        index: the opened index.

    Returns:
        `(N, 2)` float32 in table order, centred, of unit spread along the first axis.
    """
    return principal_positions(index.adapted_vectors())


def principal_positions(vectors_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    """The first two principal components of `(N, D)` vectors, `(N, 2)` float32, of unit spread along the first. Of many the directions are
    those of `MOST` of them, evenly drawn.
    """
    mean_D = vectors_ND.mean(axis=0, dtype=np.float64)
    some_MD = vectors_ND[np.unique(np.linspace(0, len(vectors_ND) - 1, min(MOST, len(vectors_ND))).astype(np.int64))]
    covariance_DD = np.zeros((vectors_ND.shape[1],) * 2)
    for start in range(0, len(some_MD), _BLOCK):
        centred_BD = some_MD[start : start + _BLOCK] - mean_D
        covariance_DD += centred_BD.T @ centred_BD
    axes_D2 = np.linalg.eigh(covariance_DD)[1][:, :-3:-1]
    axes_D2 = axes_D2 * np.where(axes_D2.sum(axis=0) < 0, -1.0, 1.0)  # an eigenvector has no sign of its own
    point_N2 = np.zeros((len(vectors_ND), 2), dtype=np.float32)
    point_N2[:, : axes_D2.shape[1]] = vectors_ND @ axes_D2.astype(np.float32) - (mean_D @ axes_D2).astype(np.float32)
    spread = np.sqrt(np.square(point_N2[:, 0], dtype=np.float64).mean())
    return point_N2 / np.float32(max(spread, 1e-6))
