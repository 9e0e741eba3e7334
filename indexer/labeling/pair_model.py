"""Probability that two images are of the same class, from the index alone and from pairwise annotations.

Two things speak for it: the cosine, and the overlap of the two images' k-reciprocal neighbours. Both are measured in standard deviations of
the candidate pairs, because cosines of one encoder are not those of another. No label takes part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from samekind.indexer.audit.hardest import Hardest
    from samekind.indexer.search.opened import OpenedIndex

# P pairs, N rows, F features of a pair (cosine, and overlap where it is known), M answers

ENOUGH_ANSWERS = 20
"""Answers, some *same* and some *different*, that are enough to learn from."""
_BLOCK = 50_000


class PairFeatures:
    """Evidence that a pair of rows is of the same class.

    Args:
        index: the opened index.
        pairs: the hardest negatives of its anchors. The overlap needs the neighbours of every row, so a sample of anchors has none.
    """

    def __init__(self, index: OpenedIndex, pairs: Hardest) -> None:
        self._index = index
        self._mutual: Any = None
        if len(pairs.anchor_A) == len(index) and pairs.negative_AK.size:
            import torch

            from samekind.training.neighbours import mutual_neighbours

            self._mutual = mutual_neighbours(torch.from_numpy(pairs.negative_AK))

    @property
    def has_overlap(self) -> bool:
        """True if the overlap is among the features."""
        return self._mutual is not None

    def of(
        self, first_P: NDArray[np.int64], second_P: NDArray[np.int64], cosine_P: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """`(P, F)` features of pairs of rows; their cosines need not be worked out again where they are known."""
        blocks = [slice(start, start + _BLOCK) for start in range(0, len(first_P), _BLOCK)]
        if cosine_P is None:
            cosine_P = _joined([self._cosine(first_P[block], second_P[block]) for block in blocks])
        if not self.has_overlap:
            return cosine_P[:, None]
        overlap_P = _joined([self._overlap(first_P[block], second_P[block]) for block in blocks])
        return np.stack([cosine_P, overlap_P], axis=1)

    def _cosine(self, first_P: NDArray[np.int64], second_P: NDArray[np.int64]) -> NDArray[np.float64]:
        first_PD, second_PD = self._index.vectors(first_P), self._index.vectors(second_P)
        cosine_P: NDArray[np.float64] = np.einsum("pd,pd->p", first_PD, second_PD, dtype=np.float64).clip(-1, 1)
        return cosine_P

    def _overlap(self, first_P: NDArray[np.int64], second_P: NDArray[np.int64]) -> NDArray[np.float64]:
        """`|R_i ∩ R_j| / |R_i ∪ R_j|`, R an image's mutual neighbours and itself: the detector `reciprocal`, pair by pair."""
        first, second = self._mutual[first_P], self._mutual[second_P]
        common_P = np.asarray(first.multiply(second).sum(axis=1), dtype=np.float64).reshape(-1)
        either_P = np.diff(first.indptr) + np.diff(second.indptr) - common_P
        return np.asarray(common_P / either_P, dtype=np.float64)


@dataclass(frozen=True)
class SameClassModel:
    """A logistic model: p = σ(bias + Σ weight · (feature − mean) / deviation).

    Attributes:
        mean_F, deviation_F: `(F,)` of the candidates; a feature that does not vary has deviation 1.
        weight_F: `(F,)`.
        bias: of the odds' logarithm.
        num_answers: answers behind weights and bias; 0 under the prior.
    """

    mean_F: NDArray[np.float64]
    deviation_F: NDArray[np.float64]
    weight_F: NDArray[np.float64]
    bias: float = 0.0
    num_answers: int = 0

    @classmethod
    def prior(cls, feature_PF: NDArray[np.float64]) -> SameClassModel:
        """Before anybody has answered: an average candidate is of the same class or not with even odds, and a standard deviation more of
        either feature multiplies the odds by e. That is an assumption and no measurement; it only decides what is asked first.
        """
        deviation_F = feature_PF.std(axis=0)
        ones_F = np.ones(feature_PF.shape[1])
        return cls(feature_PF.mean(axis=0), np.where(deviation_F > 0, deviation_F, 1.0), ones_F)

    def calibrated(self, feature_MF: NDArray[np.float64], same_M: NDArray[np.bool_]) -> SameClassModel:
        """Weights and bias by logistic regression (L2, C = 1) on at least 20 answers, *same* and *different* ones; unchanged with fewer."""
        if len(same_M) < ENOUGH_ANSWERS or same_M.all() or not same_M.any():
            return self
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression().fit(self._scaled(feature_MF), same_M)
        return replace(self, weight_F=model.coef_[0], bias=float(model.intercept_[0]), num_answers=len(same_M))

    def __call__(self, feature_PF: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(P,)` probabilities in (0, 1)."""
        from scipy.special import expit

        probability_P: NDArray[np.float64] = expit(self.bias + self._scaled(feature_PF) @ self.weight_F)
        return probability_P

    def _scaled(self, feature_PF: NDArray[np.float64]) -> NDArray[np.float64]:
        return (feature_PF - self.mean_F) / self.deviation_F


def _joined(blocks: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(blocks) if blocks else np.empty(0)
