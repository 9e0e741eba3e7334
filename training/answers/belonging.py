"""How probably a vector belongs to groups of images, by its cosines with their centres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# N vectors, G groups


def belonging(cosine_NG: NDArray[np.float64], slope: float, threshold: float) -> NDArray[np.float64]:
    """`(N, G)` probability that a vector belongs to each group; what is missing to a sum of 1 is that it belongs to none.

    A softmax of β cos over the groups, with β θ for none.

    Args:
        cosine_NG: `(N, G)` with the groups' centres.
        slope: β.
        threshold: θ.
    """
    odds_NG = np.exp(slope * (cosine_NG - threshold))  # with slopes up to 100 and cosines far from what a float64 holds
    return np.asarray(odds_NG / (1 + odds_NG.sum(axis=1, keepdims=True)))
