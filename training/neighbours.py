"""Who is near whom: exact nearest neighbours, and those that are each other's.

# N images, D dimension of an embedding
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.core.progress import NoProgress, Progress
from samekind.training.runtime.side_by_side import side_by_side

BLOCK, BLOCK_VALUES = 1024, 1 << 26
"""Rows, and similarities, that are computed at once: fewer rows among more than 65,000 images."""


def nearest_others(embedding_ND: Tensor, k: int, progress: Progress | None = None) -> Tensor:
    """`(N, k)` int32 rows of each image's k nearest others by cosine, exact, nearest first; `progress` shows a bar."""
    block = max(1, min(BLOCK, BLOCK_VALUES // max(1, len(embedding_ND))))

    def nearest(start: int) -> Tensor:
        similarity = embedding_ND[start : start + block] @ embedding_ND.T
        rows = torch.arange(len(similarity))
        similarity[rows, start + rows] = -2.0
        return similarity.topk(k, dim=1).indices.int()

    found = []
    with (progress or NoProgress()).task("Finding neighbours", len(embedding_ND)) as task:
        for nearest_Bk in side_by_side(nearest, range(0, len(embedding_ND), block)):
            found.append(nearest_Bk)
            task.advance(len(nearest_Bk))
    return torch.cat(found)


def mutual_neighbours(nearest_Nk: Tensor) -> Any:
    """`(N, N)` sparse 0/1 matrix (scipy CSR float32) of neighbours that are each other's, the diagonal included."""
    from scipy.sparse import identity

    directed = neighbour_matrix(nearest_Nk)
    return (directed.multiply(directed.T) + identity(len(nearest_Nk), dtype=np.float32)).tocsr()


def neighbour_groups(unit_ND: Tensor, k: int, least_cosine: float) -> NDArray[np.int64]:
    """`(N,)` number of each image's group, from 0 on: images that are joined, directly or through others, by pairs that are among each
    other's k nearest and at least this near.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = mutual_neighbours(nearest_others(unit_ND, min(k, len(unit_ND) - 1))).tocoo()
    near = [
        (unit_ND[first] * unit_ND[second]).sum(1) >= least_cosine
        for first, second in zip(
            *(torch.from_numpy(rows).long().split(65536) for rows in (pairs.row, pairs.col)), strict=True
        )
    ]
    kept = torch.cat(near).numpy()
    joined = csr_matrix((pairs.data[kept], (pairs.row[kept], pairs.col[kept])), shape=pairs.shape)
    return np.asarray(connected_components(joined, directed=False)[1], dtype=np.int64)


def neighbour_matrix(nearest_Nk: Tensor) -> Any:
    """`(N, N)` sparse 0/1 matrix (scipy CSR float32): 1 in row i and column j if j is among the nearest of i."""
    from scipy.sparse import csr_matrix

    count, k = nearest_Nk.shape
    columns = nearest_Nk.cpu().numpy().reshape(-1)
    ones = np.ones(len(columns), dtype=np.float32)
    return csr_matrix((ones, columns, np.arange(0, len(columns) + 1, k)), shape=(count, count))


def shared_neighbours(nearest_Nk: Tensor, anchors: int = 1000) -> float:
    """Share of its k nearest that an image has in common with each of them, on average, beyond the k/N of chance; in [-1, 1].

    It is greatest where k fits the groups that there are: with fewer, members of a group miss each other; with more, strangers come in.

    Args:
        nearest_Nk: as `nearest_others` gives them.
        anchors: images that it is measured on at most, evenly drawn.
    """
    count, k = nearest_Nk.shape
    rows = np.unique(np.linspace(0, count - 1, min(anchors, count)).astype(int))
    directed = neighbour_matrix(nearest_Nk)
    common = (directed[rows] @ directed.T).multiply(directed[rows])
    return float(common.sum()) / (len(rows) * k * k) - k / count
