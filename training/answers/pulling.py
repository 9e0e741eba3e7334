"""Vectors under the map that answers give a space, each pulled towards the centres of the groups that it probably belongs to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.training.answers.belonging import belonging
from samekind.training.answers.metric import BLOCK, unit_in_blocks

# N vectors, B of them in a block, D dimension, G groups

_MOST_AT_ONCE = 1 << 20  # similarities between vectors and centres


def pulled(
    vectors_ND: NDArray[np.float32],
    map_DD: NDArray[np.float64],
    centre_GD: NDArray[np.float64],
    pull: float,
    slope: float,
    threshold: float,
) -> NDArray[np.float32]:
    """Maps unit vectors and pulls each as far as it belongs to groups.

    Args:
        vectors_ND: `(N, D)` float32 of unit norm.
        map_DD: `(D, D)`.
        centre_GD: `(G, D)` of unit norm, G at least 1.
        pull: how far what surely belongs to a group goes to its centre, from 0 to 1.
        slope: β, see `belonging`.
        threshold: θ, likewise.

    Returns:
        `(N, D)` float32 of unit norm; for equal vectors equal ones, whatever stands beside them.
    """
    map_, centre = torch.from_numpy(map_DD), torch.from_numpy(centre_GD)

    def drawn(vectors_BD: Tensor) -> Tensor:
        mapped_BD = vectors_BD @ map_
        mapped_BD /= torch.linalg.vector_norm(mapped_BD, dim=1, keepdim=True)
        share_BG = torch.from_numpy(belonging((mapped_BD @ centre.T).numpy(), slope, threshold))
        mapped_BD *= 1 - pull * share_BG.sum(dim=1, keepdim=True)
        return mapped_BD.addmm_(share_BG, centre, alpha=pull)

    return unit_in_blocks(vectors_ND, drawn, max(1, min(BLOCK, _MOST_AT_ONCE // len(centre_GD))))
