"""How much a score is worth, learned from a few answers.

# P pairs with an answer
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError

_DEVIATION = np.array(
    [0.25, 1.0]
)  # of slope and shift, a priori: a few answers may not turn what thousands of pairs are told
_LEAST = (
    0.01  # probabilities are kept so far from 0 and 1: a slip about a pair that seemed sure is worth no hundred answers
)


def fit_slope(probability_P: NDArray[np.float32], same_P: NDArray[np.bool_]) -> float:
    """How much steeper the logit of a probability should be, by answers about some pairs: ≥ 0, and 1 leaves it alone.

    A line through the logit is fitted, `σ(slope · logit(p) + shift)`, the most probable one where slope and shift are a priori normal
    around the identity, with standard deviations 0.25 and 1: no answers change nothing, few change little. The shift is thrown away.
    Whoever asks about the pairs that nobody can tell asks about pairs that are harder than others of the same probability, so that
    their shift is not that of all pairs.

    Args:
        probability_P: `(P,)` in [0, 1], of the pairs that were asked about.
        same_P: `(P,)` bool, whether they are of one kind.

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
