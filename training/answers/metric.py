"""The metric that must-link groups give to a space of vectors, in closed form.

G = W⁻¹ − T⁻¹ is what tells pairs within a class from any others, where both differ by normal deviates: W is the covariance within
classes, T that of all vectors (Köstinger et al., "Large scale metric learning from equivalence constraints", CVPR 2012; the
two-covariance model of speaker recognition, Brümmer and de Villiers, Odyssey 2010, has the same form). Few answers say little about W, so
it is a posterior mean under an inverse Wishart prior:

    W = (ν W₀ + S) / (ν + n)        S: scatter within the groups, n: its degrees of freedom, Σ (size − 1)

W₀ = (c I + T⁻¹)⁻¹ is the covariance within classes under which G = c I. So without answers the space stays exactly what it was, whatever
space that is, and answers turn it only as far as they speak up. c is chosen such that W₀ holds the same share of the total as the groups
do: the prior says nothing of how much varies within classes, only that no direction is special.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor

from samekind.training.runtime.eigen import symmetric_eigen
from samekind.training.runtime.side_by_side import alone, side_by_side

# N rows, B of them in a block, D dimension, R rows of one group

Float64 = NDArray[np.float64]

PRIOR_STRENGTH = 1000.0
"""ν, in degrees of freedom; chosen on training splits of three sets of photos (docs/decisions/0021-adaptation.md)."""
BLOCK = 1_024
"""Vectors that are mapped at once: in double precision, they and what is made of them fit a core's cache."""
_MOST_WITHIN = 0.9  # W₀ holds at most this share of the total: at 1, c and G are zero
_TOTAL_FLOOR, _WITHIN_FLOOR, _METRIC_FLOOR = 1e-4, 1e-3, 1e-4  # smallest eigenvalues, of the largest


@dataclass(frozen=True)
class Within:
    """What varies within groups.

    Attributes:
        scatter_DD: S, `(D, D)` float64.
        freedom: n, how many independent differences are in it.
    """

    scatter_DD: Float64
    freedom: int

    @classmethod
    def of(cls, groups: Sequence[NDArray[np.floating]], dim: int) -> Within:
        """Adds up the scatter of groups of vectors `(R, D)`, each about its own mean."""
        scatter_DD, centred = np.zeros((dim, dim)), list[Float64]()
        for number, group_RD in enumerate(groups, 1):
            centred.append(group_RD - group_RD.mean(axis=0, dtype=np.float64))
            if number == len(groups) or sum(map(len, centred)) >= BLOCK:  # a product for each small group is slow
                centred_BD = np.concatenate(centred)
                scatter_DD += product(centred_BD.T, centred_BD)
                centred.clear()
        return cls(scatter_DD, sum(len(group_RD) - 1 for group_RD in groups))


class Total:
    """Covariance T of all vectors, by its eigenvalues; what is almost constant is floored.

    Args:
        vectors_ND: `(N, D)`, all vectors or a sample of them.
    """

    def __init__(self, vectors_ND: NDArray[np.floating]) -> None:
        mean_D, dim = vectors_ND.mean(axis=0, dtype=np.float64), vectors_ND.shape[1]

        def scatter(start: int) -> Float64:
            centred_BD = vectors_ND[start : start + BLOCK] - mean_D
            return product(centred_BD.T, centred_BD)

        scatter_DD = sum(side_by_side(scatter, range(0, len(vectors_ND), BLOCK)), np.zeros((dim, dim)))
        values_D, self._axes_DD = alone(lambda: _eigen(scatter_DD / len(vectors_ND)))
        self._values_D = values_D.clip(max(values_D[-1] * _TOTAL_FLOOR, np.finfo(np.float64).tiny))
        self.inverse_DD: Float64 = self._with(1 / self._values_D)

    def prior(self, share: float) -> Float64:
        """W₀ such that tr(W₀ T⁻¹) / D is a share in (0, 1)."""
        log_c = brentq(lambda log_c: np.mean(1 / (np.exp(log_c) * self._values_D + 1)) - share, -50, 100)
        return self._with(1 / (np.exp(log_c) + 1 / self._values_D))

    def _with(self, values_D: Float64) -> Float64:
        return product(self._axes_DD * values_D, self._axes_DD.T)


def mapped(vectors_ND: NDArray[np.float32], map_DD: NDArray[np.floating]) -> NDArray[np.float32]:
    """Unit vectors `(N, D)` float32 under a map, at unit norm again; equal ones go to equal ones, whatever stands beside them."""
    map_ = torch.from_numpy(map_DD.astype(np.float64, copy=False))
    return unit_in_blocks(vectors_ND, lambda vectors_BD: vectors_BD @ map_)


def unit_in_blocks(
    vectors_ND: NDArray[np.float32], work: Callable[[Tensor], Tensor], block: int = BLOCK
) -> NDArray[np.float32]:
    """What `work` makes of vectors, a block at a time and in double precision, at unit norm.

    In torch, so that `side_by_side` keeps each of several threads to one core. A block and what is made of it stay in a core's cache.

    Args:
        vectors_ND: `(N, D)` float32.
        work: is given `(B, D)` float64, which it may change, and returns `(B, D)`.
        block: B at most.

    Returns:
        `(N, D)` float32.
    """
    found_ND = np.empty_like(vectors_ND)
    for start in range(0, len(vectors_ND), block):
        made_BD = work(torch.from_numpy(vectors_ND[start : start + block].astype(np.float64)))
        made_BD /= torch.linalg.vector_norm(made_BD, dim=1, keepdim=True)
        found_ND[start : start + block] = made_BD.numpy()
    return found_ND


def unit_rows(vectors_ND: Float64) -> Float64:
    """Vectors scaled to unit norm."""
    return np.asarray(vectors_ND / np.linalg.norm(vectors_ND, axis=1, keepdims=True))


def adapted_map(total: Total, within: Within, strength: float = PRIOR_STRENGTH) -> Float64:
    """The linear map under which Euclidean distance is that of G: its symmetric root, `(D, D)` float64, largest eigenvalue 1.

    Args:
        total: of all vectors.
        within: of the groups; with a freedom of 0 the map is the identity.
        strength: ν > 0.
    """
    dim = len(within.scatter_DD)
    share = np.sum(within.scatter_DD * total.inverse_DD) / max(1, within.freedom) / dim
    if within.freedom == 0 or share <= 0:  # groups of equal vectors say nothing
        return np.eye(dim)
    prior_DD = total.prior(min(share, _MOST_WITHIN))
    within_DD = (strength * prior_DD + within.scatter_DD) / (strength + within.freedom)
    return _root(_inverse(within_DD) - total.inverse_DD)


def product(first_ND: Float64, second_DM: Float64) -> Float64:
    """A matrix product in torch, which `side_by_side` keeps to one core: NumPy's threads wait for each other where cores are busy."""
    return np.asarray((torch.from_numpy(first_ND) @ torch.from_numpy(second_DM)).numpy())


def _eigen(symmetric_DD: Float64) -> tuple[Float64, Float64]:
    """`symmetric_eigen` of an array."""
    values_D, axes_DD = symmetric_eigen(torch.from_numpy(symmetric_DD))
    return values_D.numpy(), axes_DD.numpy()


def _inverse(covariance_DD: Float64) -> Float64:
    values_D, axes_DD = _eigen(covariance_DD)
    return product(axes_DD / values_D.clip(values_D[-1] * _WITHIN_FLOOR), axes_DD.T)


def _root(metric_DD: Float64) -> Float64:
    """The root of the positive part."""
    values_D, axes_DD = _eigen(metric_DD)
    if values_D[-1] <= 0:  # the groups vary more than everything in every direction
        return np.eye(len(metric_DD))
    return product(axes_DD * np.sqrt((values_D / values_D[-1]).clip(_METRIC_FLOOR)), axes_DD.T)
