"""Contrastive neighbour embedding: InfoNCE in two dimensions, on the graph of nearest neighbours.

An image's positives are its nearest neighbours in the embedding space, its negatives are drawn from all images, and the similarity of two
points is `q = 1 / (1 + d²)`, which leaves room in two dimensions for what is far apart in many. It is the loss of our encoders with points
in place of a network. The gradient is written out: with one set of negatives for all anchors it is two matrix products a block, where
autograd would keep every similarity. Negatives stand still: each is an anchor, too, and so gets the same push from its own side.

Source: Damrich, Böhm, Hamprecht and Kobak, From t-SNE to UMAP with contrastive learning (ICLR 2023): what they call InfoNC-t-SNE.

# N images, D dimension, E edges of the graph, M negatives, B anchors of a block
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from samekind.indexer.map.sketch import principal_positions
from samekind.training.neighbours import neighbour_matrix
from samekind.training.runtime.side_by_side import side_by_side

NEIGHBOURS, NEGATIVES, STEPS = 15, 256, 500
_RATE = 1.0  # of the first step, in units of the map; it falls to 0 linearly
_BLOCK = 4096  # anchors by 256 negatives: 4 MB of float32, which a core's cache holds
_SCATTER = 1e-3  # of the first positions: tells copies of one image apart


@dataclass(frozen=True)
class Graph:
    """Who is whose neighbour, either way round.

    Attributes:
        matrix: `(N, N)` scipy CSR, a stored value for each directed edge.
        anchor_E: `(E,)` int64, ascending.
        other_E: `(E,)` int64.
    """

    matrix: Any
    anchor_E: Tensor
    other_E: Tensor

    @classmethod
    def of(cls, nearest_Nk: Tensor) -> Graph:
        """The graph of the nearest others `(N, k)`, k ≥ 1."""
        directed = neighbour_matrix(nearest_Nk)
        matrix = (directed + directed.T).tocsr()
        matrix.sort_indices()
        anchors = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        return cls(matrix, torch.from_numpy(anchors), torch.from_numpy(matrix.indices.astype(np.int64)))

    def summed(self, value_E: Tensor, row_NC: Tensor) -> Tensor:
        """For each anchor the sum over its edges of the edge's value times the other end's row: `(N, C)`."""
        weighted = self.matrix.copy()
        weighted.data = value_E.numpy()
        return torch.from_numpy(weighted @ row_NC.numpy())


def embed_neighbours(
    vectors_ND: Tensor,
    nearest_Nk: Tensor,
    *,
    seed: int = 0,
    steps: int = STEPS,
    after_step: Callable[[], None] = lambda: None,
) -> Tensor:
    """Lays images out in two dimensions.

    Args:
        vectors_ND: `(N, D)` float32; they decide where points start.
        nearest_Nk: `(N, k)` nearest others of each, which decide where points go; k = 0 for a single image.
        seed: of the negatives; equal seeds give equal positions.
        steps: of the descent, ≥ 1.
        after_step: called after each.

    Returns:
        `(N, 2)` float32, centred.
    """
    generator = torch.Generator().manual_seed(seed)
    point_N2 = _start(vectors_ND, generator)
    if nearest_Nk.shape[1]:
        graph = Graph.of(nearest_Nk)
        optimizer = torch.optim.Adam([point_N2], lr=_RATE, betas=(0.9, 0.99))
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = _RATE * (1 - step / steps)
            point_N2.grad = gradient(point_N2, graph, _negatives(len(point_N2), generator))
            optimizer.step()
            after_step()
    return point_N2 - point_N2.mean(0)


def gradient(point_N2: Tensor, graph: Graph, negative_M: Tensor) -> Tensor:
    """Gradient of each image's mean InfoNCE loss over its neighbours by its own point.

    Args:
        point_N2: `(N, 2)` float32.
        graph: of neighbours.
        negative_M: `(M,)` rows, the same for all images; an image is no negative of its own.

    Returns:
        `(N, 2)` float32.
    """
    homogeneous_N3 = torch.cat([point_N2, torch.ones(len(point_N2), 1)], dim=1)
    mass_N1, push_N3 = _negative_sums(point_N2, homogeneous_N3, negative_M)
    offset_E2 = point_N2[graph.anchor_E] - point_N2[graph.other_E]
    similarity_E = offset_E2.square_().sum(1).add_(1).reciprocal_()
    normaliser_E = similarity_E + mass_N1[graph.anchor_E, 0]
    pull_N3 = graph.summed(similarity_E * (1 - similarity_E / normaliser_E), homogeneous_N3)
    share_N1 = graph.summed(normaliser_E.reciprocal(), torch.ones(len(point_N2), 1))
    towards_N2 = pull_N3[:, 2:] * point_N2 - pull_N3[:, :2]
    away_N2 = push_N3[:, 2:] * point_N2 - push_N3[:, :2]
    degree_N1 = graph.summed(torch.ones(len(similarity_E)), torch.ones(len(point_N2), 1))
    return 2 * (towards_N2 - share_N1 * away_N2) / degree_N1


def _negative_sums(point_N2: Tensor, homogeneous_N3: Tensor, negative_M: Tensor) -> tuple[Tensor, Tensor]:
    """For each image the sum of its similarities to the negatives, `(N, 1)`, and of their squares times the negatives' homogeneous
    coordinates, `(N, 3)`.
    """
    negative_M2, negative_M3 = point_N2[negative_M], homogeneous_N3[negative_M]
    norm_M = negative_M2.square().sum(1) + 1

    def sums(start: int) -> tuple[Tensor, Tensor]:
        block_B2 = point_N2[start : start + _BLOCK]
        similarity_BM = torch.addmm(norm_M, block_B2, negative_M2.T, alpha=-2)
        similarity_BM += block_B2.square().sum(1, keepdim=True)
        similarity_BM.clamp_(min=1).reciprocal_()  # rounding makes distances between near points negative
        mass_B1 = similarity_BM.sum(1, keepdim=True)
        return mass_B1, similarity_BM.square_() @ negative_M3

    masses, pushes = zip(*side_by_side(sums, range(0, len(point_N2), _BLOCK)), strict=True)
    own_N = torch.bincount(negative_M, minlength=len(point_N2))
    mass_N1 = torch.cat(masses) - own_N[:, None]  # its own similarity is 1, and its own push 0
    return mass_N1.clamp_(min=0), torch.cat(pushes)


def _negatives(count: int, generator: torch.Generator) -> Tensor:
    """Rows of the negatives: all images if there are few, else some of them."""
    return torch.arange(count) if count <= NEGATIVES else torch.randint(count, (NEGATIVES,), generator=generator)


def _start(vectors_ND: Tensor, generator: torch.Generator) -> Tensor:
    """The first two principal components, with a little noise."""
    start_N2 = torch.from_numpy(principal_positions(vectors_ND.numpy()))
    return start_N2 + _SCATTER * torch.randn(start_N2.shape, generator=generator)
