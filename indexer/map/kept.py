"""How much of a space its map keeps: trustworthiness, and the share of nearest neighbours that stay nearest neighbours.

# N images, A anchors, k neighbours
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from samekind.indexer.map.stored import NEIGHBOURS, compared_neighbours

ANCHORS = 2000
_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True)
class Kept:
    """What a map keeps of the neighbourhoods.

    Attributes:
        trustworthiness: in [0, 1]; 1 if no point is among another one's k nearest on the map that was not so in the space, and less the
            farther it was. Source: Venna and Kaski 2001.
        neighbours: share of the k nearest others in the space that are among the k nearest on the map, in [0, 1].
    """

    trustworthiness: float
    neighbours: float


def kept(vectors_ND: Tensor, point_N2: Tensor, k: int = NEIGHBOURS, anchors: int = ANCHORS) -> Kept | None:
    """Compares the neighbourhoods of some images, evenly spread over the table.

    Args:
        vectors_ND: `(N, D)` float32 of unit norm.
        point_N2: `(N, 2)` float32.
        k: neighbours, lowered as `compared_neighbours` says.
        anchors: that it is measured on at most.

    Returns:
        `None` for fewer than four images.
    """
    count = len(vectors_ND)
    k = compared_neighbours(count, k)
    if count < 4:
        return None
    anchor_A = torch.from_numpy(np.unique(np.linspace(0, count - 1, min(anchors, count)).astype(np.int64)))
    intruded, stayed = 0, 0
    for anchor_B in anchor_A.split(max(1, _BLOCK_VALUES // count)):
        own = torch.arange(len(anchor_B)), anchor_B
        similarity_BN = vectors_ND[anchor_B] @ vectors_ND.T
        similarity_BN[own] = 2.0
        rank_BN = similarity_BN.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        distance_BN = torch.cdist(point_N2[anchor_B].double(), point_N2.double())
        distance_BN[own] = -1.0
        rank_Bk = rank_BN.gather(1, distance_BN.topk(k + 1, dim=1, largest=False).indices)[:, 1:]
        intruded += int((rank_Bk - k).clamp(min=0).sum())
        stayed += int((rank_Bk <= k).sum())
    worst = len(anchor_A) * k * (2 * count - 3 * k - 1) / 2
    return Kept(1 - intruded / worst, stayed / (len(anchor_A) * k))
