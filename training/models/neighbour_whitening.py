"""Neighbour whitening: what differs between mutual neighbours is taken for noise, and each direction counts by what is left of it.

Plain whitening makes all directions equally loud and so drowns a few good ones in many poor ones: the right exponent differs from corpus
to corpus. Mutual nearest neighbours are nearly always of one class, so the covariance of their differences stands in for that within
classes, which no label then has to tell. Closed form: no step of training, and no setting that a corpus must be looked at for.

# N images, F dimension of a feature, D of an embedding
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from samekind.training.models.whitening import Principal, Whitening, principal
from samekind.training.neighbours import mutual_neighbours, nearest_others, shared_neighbours
from samekind.training.runtime.eigen import symmetric_eigen

SIZES = (5, 7, 10, 14, 20, 28, 40, 56, 80, 113, 160)
"""Numbers of neighbours tried, each √2 of the last; at most √N of N images."""
COMPARED_AT = 0.25  # exponent of the whitening in which these are compared: the most even precision over corpora
DIRECTIONS = 256
ROUNDS = 2  # the second finds its neighbours in the space of the first; a third adds nothing
FEWEST_IMAGES = 64
CLEARLY = 1.5
"""As many times more neighbours must be shared than among rows without any groups (photos in features of `lite0`: 5 to 15 times)."""
_NOISE_FLOOR = 1e-2  # of the noisiest direction
_SHARE_FLOOR = 1e-3


@torch.no_grad()
def fit_neighbour_whitening(whitening: Whitening, feature_NF: Tensor) -> int:
    """Fits mean and matrix to mutual neighbours among these features.

    Args:
        whitening: changed in place; left alone where nothing would be gained.
        feature_NF: `(N, F)` float32 features of training images.

    Returns:
        the number of neighbours k that fits the features; 0 if there are too few of them, or no groups among them.

    Source:
        Within-class covariance and what exceeds it: PLDA, Ioffe, ECCV 2006; from chunklets instead of classes: relevant component
        analysis, Bar-Hillel et al., ICML 2003. Mutual neighbours as chunklets, and their number, are ours.
    """
    dim = whitening.matrix.shape[1]
    if len(feature_NF) < FEWEST_IMAGES:
        return 0
    known = principal(feature_NF, dim)
    k = _fitting(feature_NF, known, dim)
    if not k:
        return 0
    turned = Whitening(feature_NF.shape[1], dim)
    turned.take(known, 0.0)
    unit = functional.normalize(turned(feature_NF), dim=1)
    moved, matrix = unit, torch.eye(dim)
    for _ in range(ROUNDS):
        matrix = _without_noise(unit, mutual_neighbours(nearest_others(moved, k)))
        moved = functional.normalize(unit @ matrix, dim=1)
    whitening.mean.copy_(turned.mean)
    # The unit norm between the two maps is a factor a row, which the unit norm at the end takes away again.
    whitening.matrix.copy_(turned.matrix @ matrix)
    return k


@torch.no_grad()
def fitting_neighbours(feature_NF: Tensor, dim: int = DIRECTIONS) -> int:
    """The number of neighbours that images share most of, beyond chance; 0 if no more than rows without groups would.

    Those are made of the same features, each direction shuffled by itself: what any cloud of that shape and size shares.

    Args:
        feature_NF: `(N, F)` float32.
        dim: directions that are looked at, at most.
    """
    if len(feature_NF) < FEWEST_IMAGES:
        return 0
    dim = min(dim, feature_NF.shape[1])
    return _fitting(feature_NF, principal(feature_NF, dim), dim)


def _fitting(feature_NF: Tensor, known: Principal, dim: int) -> int:
    whitening = Whitening(feature_NF.shape[1], dim)
    whitening.take(known, COMPARED_AT)
    row_ND = whitening(feature_NF)
    sizes = [k for k in SIZES if k <= len(row_ND) ** 0.5]
    nearest = nearest_others(functional.normalize(row_ND, dim=1), sizes[-1])
    shared = {k: shared_neighbours(nearest[:, :k]) for k in sizes}
    k = max(sizes, key=shared.__getitem__)
    chance = shared_neighbours(nearest_others(functional.normalize(shuffled_columns(row_ND), dim=1), k))
    return k if shared[k] > CLEARLY * chance else 0


def shuffled_columns(row_ND: Tensor) -> Tensor:
    """Each column in an order of its own, the same in every run: a cloud of the same shape and size without groups."""
    order = np.random.default_rng(13).permuted(np.tile(np.arange(len(row_ND)), (row_ND.shape[1], 1)), axis=1)
    return row_ND.gather(0, torch.from_numpy(order.T.copy()))


def _without_noise(unit_ND: Tensor, mutual_NN: Any) -> Tensor:
    """`(D, D)` map after which noise is alike everywhere, and directions count by the share of their variance that is not noise."""
    noise_DD = _covariance_within(unit_ND, mutual_NN)
    variance, directions = symmetric_eigen(noise_DD)
    even = directions * (variance.clamp(min=0) + _NOISE_FLOOR * variance[-1]).rsqrt()
    row = (unit_ND - unit_ND.mean(0)).double() @ even
    total, turned = symmetric_eigen(row.T @ row / len(row))
    excess = (total - 1).clamp(min=_SHARE_FLOOR)
    matrix: Tensor = (even @ turned * (excess / (excess + 1)).sqrt()).float()
    return matrix


def _covariance_within(unit_ND: Tensor, mutual_NN: Any) -> Tensor:
    """`(D, D)` float64: half the mean square of the differences between mutual neighbours, through the graph's Laplacian."""
    row = unit_ND.double().numpy()
    degree = np.asarray(mutual_NN.sum(axis=1)).reshape(-1) - 1  # the diagonal is no pair
    cross = row.T @ (mutual_NN @ row - row)
    within: Tensor = torch.from_numpy(row.T @ (row * degree[:, None]) - cross) / max(degree.sum(), 1)
    symmetric: Tensor = (within + within.T) / 2
    return symmetric
