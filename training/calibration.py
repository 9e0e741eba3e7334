"""Probabilities that keep what they promise, learned from a few answers.

# P pairs with an answer
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.errors import InputError

_LEAST = 1e-6  # probabilities are kept so far from 0 and 1, where the logit ends


@dataclass(frozen=True)
class Calibration:
    """Corrects a probability by a straight line through its logit: `σ(slope · logit(p) + shift)`.

    Attributes:
        slope: 1 leaves it alone, less makes it more modest; never negative, so that the order of pairs stays.
        shift: 0 leaves it alone.

    Source:
        Platt scaling, Advances in Large Margin Classifiers 1999; on a logit, with the identity as its prior.
    """

    slope: float = 1.0
    shift: float = 0.0

    def __call__(self, probability: Tensor) -> Tensor:
        """Corrected probabilities of any shape, float32 in [0, 1]; the identity leaves them as they are."""
        if self == Calibration():
            return probability
        return torch.sigmoid(self.slope * probability.clamp(_LEAST, 1 - _LEAST).logit() + self.shift)


def fit_calibration(probability_P: NDArray[np.float32], same_P: NDArray[np.bool_]) -> Calibration:
    """The correction that answers call for.

    The most probable slope and shift, where both are a priori normal with standard deviation 1 around the identity: no answers change
    nothing, few change little. Pairs may have been chosen by their probability (the uncertain ones first), but not by what was answered.

    Args:
        probability_P: `(P,)` in [0, 1], of the pairs that were asked about.
        same_P: `(P,)` bool, whether they are of one kind.

    Raises:
        InputError: the two differ in length.
    """
    from scipy.optimize import minimize

    if len(probability_P) != len(same_P):
        raise InputError(f"{len(probability_P)} probabilities but {len(same_P)} answers")
    if not len(same_P):
        return Calibration()
    p = np.clip(probability_P.astype(np.float64), _LEAST, 1 - _LEAST)
    features = np.stack([np.log(p / (1 - p)), np.ones(len(p))], axis=1)
    sign = np.where(same_P, 1.0, -1.0)
    identity = np.array([1.0, 0.0])

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (features @ line)
        wrong = sign * np.exp(-np.logaddexp(0, margin))  # σ(−margin), signed
        off = line - identity
        return float(np.logaddexp(0, -margin).sum() + off @ off / 2), off - features.T @ wrong

    slope, shift = minimize(loss, identity, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)]).x
    return Calibration(float(slope), float(shift))
