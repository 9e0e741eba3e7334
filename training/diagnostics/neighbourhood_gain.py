"""What an adapter has gained over the frozen space, told without labels by the neighbourhoods of images.

Two figures, each a difference between the adapted and the frozen space:

- *shared*: how many of its nearest an image has in common with each of them (`training.neighbours.shared_neighbours`). It rises where
  groups become clearer, true ones or not.
- *kept*: the share of its nearest in the frozen space that another view of the image has. It rises where the adapter ignores what
  differs between views, and falls where it rearranges the images.

Their sum told gain from harm where neither alone did, and neither agreement of views nor InfoNCE did at all (docs/decisions/0020).
"""

# N images, V = 3 rows of each: the plain image and two augmented views; D dimensions of an embedding, K neighbours

from __future__ import annotations

import torch
from torch import Tensor

from samekind.training.neighbours import nearest_others, shared_neighbours

NEIGHBOURS, FEWEST = 20, 5


def neighbours_among(images: int) -> int:
    """Neighbours to look at: a fortieth of the images, 5 to 20. More would lie beyond an image's group where images are few: 20 of 200 took
    an adapter for a gain that had lost a fifth of its MAP@R (docs/decisions/0055).
    """
    return min(NEIGHBOURS, max(FEWEST, images // 40))


def neighbourhood_gain(frozen_NVD: Tensor, adapted_NVD: Tensor, k: int = NEIGHBOURS) -> float:
    """Sum of both differences, in [-3, 3]; 0 for an adapter that changes nothing.

    Args:
        frozen_NVD: `(N, 3, D)` float32 unit-norm rows in the frozen space, N > k.
        adapted_NVD: `(N, 3, D)` the same images and views in the adapted space.
        k: neighbours of an image.
    """
    by_frozen = [_nearest_to_view(frozen_NVD, view, k) for view in (1, 2)]
    by_adapted = [_nearest_to_view(adapted_NVD, view, k) for view in (1, 2)]
    kept = _overlap(by_adapted[0], by_frozen[1]) + _overlap(by_adapted[1], by_frozen[0])
    kept_anyway = 2 * _overlap(by_frozen[0], by_frozen[1])
    shared, shared_before = (shared_neighbours(nearest_others(space[:, 0], k)) for space in (adapted_NVD, frozen_NVD))
    return shared - shared_before + (kept - kept_anyway) / 2


def _nearest_to_view(row_NVD: Tensor, view: int, k: int, block: int = 1024) -> Tensor:
    """`(N, K)` plain images that are nearest to a view of each image, its own left out."""
    nearest = []
    for start in range(0, len(row_NVD), block):
        similarity = row_NVD[start : start + block, view] @ row_NVD[:, 0].T
        rows = torch.arange(len(similarity))
        similarity[rows, start + rows] = -2.0
        nearest.append(similarity.topk(k, dim=1).indices)
    return torch.cat(nearest)


def _overlap(first_NK: Tensor, second_NK: Tensor) -> float:
    """Mean share of the K entries of a row that are in the other's row."""
    parts = zip(first_NK.split(1024), second_NK.split(1024), strict=True)
    common = [(first[:, :, None] == second[:, None, :]).any(2).float().mean(1) for first, second in parts]
    return float(torch.cat(common).mean())
