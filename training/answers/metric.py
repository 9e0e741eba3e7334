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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

# N rows, D dimension, R rows of one group

Float64 = NDArray[np.float64]

PRIOR_STRENGTH = 1000.0
"""ν, in degrees of freedom; chosen on training splits of three sets of photos (docs/decisions/0021-adaptation.md)."""
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
        scatter_DD = np.zeros((dim, dim))
        for group_RD in groups:
            centred_RD = group_RD.astype(np.float64) - group_RD.mean(axis=0, dtype=np.float64)
            scatter_DD += centred_RD.T @ centred_RD
        return cls(scatter_DD, sum(len(group_RD) - 1 for group_RD in groups))


class Total:
    """Covariance T of all vectors, by its eigenvalues; what is almost constant is floored.

    Args:
        vectors_ND: `(N, D)`, all vectors or a sample of them.
    """

    def __init__(self, vectors_ND: NDArray[np.floating]) -> None:
        centred_ND = vectors_ND - vectors_ND.mean(axis=0, dtype=np.float64)
        values_D, self._axes_DD = np.linalg.eigh(centred_ND.T @ centred_ND / len(vectors_ND))
        self._values_D = values_D.clip(max(values_D[-1] * _TOTAL_FLOOR, np.finfo(np.float64).tiny))
        self.inverse_DD: Float64 = self._with(1 / self._values_D)

    def prior(self, share: float) -> Float64:
        """W₀ such that tr(W₀ T⁻¹) / D is a share in (0, 1)."""
        log_c = brentq(lambda log_c: np.mean(1 / (np.exp(log_c) * self._values_D + 1)) - share, -50, 100)
        return self._with(1 / (np.exp(log_c) + 1 / self._values_D))

    def _with(self, values_D: Float64) -> Float64:
        return np.asarray((self._axes_DD * values_D) @ self._axes_DD.T)


def mapped(vectors_ND: NDArray[np.float32], map_DD: NDArray[np.floating]) -> NDArray[np.float32]:
    """Unit vectors `(N, D)` float32 under a map, at unit norm again; equal ones go to equal ones, whatever stands beside them."""
    return unit_rows(vectors_ND.astype(np.float64) @ map_DD.astype(np.float64, copy=False)).astype(np.float32)


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


def _inverse(covariance_DD: Float64) -> Float64:
    values_D, axes_DD = np.linalg.eigh(covariance_DD)
    return np.asarray((axes_DD / values_D.clip(values_D[-1] * _WITHIN_FLOOR)) @ axes_DD.T)


def _root(metric_DD: Float64) -> Float64:
    """The root of the positive part."""
    values_D, axes_DD = np.linalg.eigh(metric_DD)
    if values_D[-1] <= 0:  # the groups vary more than everything in every direction
        return np.eye(len(metric_DD))
    return np.asarray((axes_DD * np.sqrt((values_D / values_D[-1]).clip(_METRIC_FLOOR))) @ axes_DD.T)
