"""Slope of a score's logit, fitted to a few pairwise annotations.

# P annotated pairs
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError

_DEVIATION = np.array([0.25, 1.0])
"""Of slope and shift, a priori: a few annotations may not turn the probabilities of thousands of pairs."""
_LEAST = 0.01
"""Probabilities are kept that far from 0 and 1: one slip about a pair that seemed certain must not outweigh a hundred right annotations."""


def fit_slope(probability_P: NDArray[np.float32], same_P: NDArray[np.bool_]) -> float:
    """Factor by which the logit of a probability should be steeper, fitted to some annotated pairs: ≥ 0, and 1 leaves it alone.

    A line through the logit is fitted, `σ(slope · logit(p) + shift)`, the most probable one where slope and shift are a priori normal
    around the identity, with standard deviations 0.25 and 1: no annotations change nothing, few change little. The shift is thrown
    away: ambiguous pairs, which are the ones that people are asked about, are harder than others of the same probability, so that their
    shift is not that of all pairs.

    Args:
        probability_P: `(P,)` in [0, 1], of the annotated pairs.
        same_P: `(P,)` bool, True if they are of the same class.

    Raises:
        InputError: the two differ in length.

    Source:
        Platt scaling, Advances in Large Margin Classifiers 1999; on a logit, with the identity as its prior.
    """
    from scipy.optimize import minimize

    if len(probability_P) != len(same_P):
        raise InputError(f"{len(probability_P)} probabilities but {len(same_P)} answers")
    if not len(same_P):
        return 1.0
    p = np.clip(probability_P.astype(np.float64), _LEAST, 1 - _LEAST)
    features = np.stack([np.log(p / (1 - p)), np.ones(len(p))], axis=1)
    sign = np.where(same_P, 1.0, -1.0)
    identity = np.array([1.0, 0.0])

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (features @ line)
        wrong = sign * np.exp(-np.logaddexp(0, margin))  # σ(−margin), signed
        off = (line - identity) / _DEVIATION
        return float(np.logaddexp(0, -margin).sum() + off @ off / 2), off / _DEVIATION - features.T @ wrong

    found = minimize(loss, identity, jac=True, method="L-BFGS-B", bounds=[(0.0, None), (None, None)])
    return float(found.x[0])
