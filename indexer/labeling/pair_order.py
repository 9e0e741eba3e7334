"""Which of the ranked candidates make up a list: no image too often, and, if asked for, as many expected to be of one class as not.

The hardest negatives are mostly of the anchor's class, so that the most informative ones alone would be twenty times the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

# P candidate pairs

MOST_PER_IMAGE = 3
"""Pairs of one list that an image takes part in at most, in either role: a list about ten images teaches about ten images."""
LEAST_ALIKE, MOST_HALVINGS = 0.1, 4
"""Share of the candidates that stand for *different* before answers have calibrated: the prior takes more for different than are. Each
answer of *same* too many halves it, up to four times: then that tenth is mostly the same, too."""


def varied(ranked: NDArray[np.int64], content_P2: NDArray[np.int64], count: int) -> list[int]:
    """The first `count` of the ranked candidates in which no image takes part more than a few times.

    Args:
        ranked: places of candidates, the first to be asked at the front.
        content_P2: `(P, 2)` numbers of both contents.
        count: how many at most.
    """
    return list(islice(_Variety(content_P2).of(ranked), count))


def mixed(
    ranked: NDArray[np.int64],
    content_P2: NDArray[np.int64],
    count: int,
    probability_P: NDArray[np.float64],
    *,
    is_calibrated: bool,
    surplus: float = 0.0,
) -> list[int]:
    """As `varied`, but half of the pairs are expected to be of the same class.

    By calibrated probabilities the next pair comes from the side, above or below 1/2, that brings their sum nearer to half of the number.
    Before, the two sides take turns, and the lower one is the tenth of the candidates of least probability. Where the answers so far are
    mostly *same*, that one comes until they are not, and is taken from fewer candidates, the least alike; where they are mostly
    *different*, the other one.

    Args:
        ranked: as in `varied`.
        content_P2: as in `varied`.
        count: how many at most.
        probability_P: `(P,)` of being of the same class, in (0, 1).
        is_calibrated: true if answers are behind it.
        surplus: answers of *same* over those of *different* so far, while there is no calibration.
    """
    least = LEAST_ALIKE / 2 ** min(max(surplus, 0.0), MOST_HALVINGS)
    limit = 0.5 if is_calibrated else float(np.quantile(probability_P, least))
    is_unlikely = probability_P[ranked] <= limit
    variety = _Variety(content_P2)
    unlikely, likely = variety.of(ranked[is_unlikely]), variety.of(ranked[~is_unlikely])
    chosen = list[int]()
    surplus = 0.0 if is_calibrated else surplus  # of pairs of one class over those of two
    while len(chosen) < count:
        first, second = (unlikely, likely) if surplus > 0 else (likely, unlikely)
        p = next(first, None)
        if p is None and (p := next(second, None)) is None:
            break
        chosen.append(p)
        expected = float(probability_P[p]) if is_calibrated else float(probability_P[p] > limit)
        surplus += 2 * expected - 1
    return chosen


class _Variety:
    """Counts in how many chosen pairs each image takes part, in several lists together."""

    def __init__(self, content_P2: NDArray[np.int64]) -> None:
        self._content_P2 = content_P2
        self._met: dict[int, int] = {}

    def of(self, ranked: NDArray[np.int64]) -> Iterator[int]:
        """Those that can be chosen by the time they are asked for, in their order."""
        met = self._met
        for p in ranked.tolist():
            first, second = self._content_P2[p].tolist()
            if max(met.get(first, 0), met.get(second, 0)) < MOST_PER_IMAGE:
                met[first], met[second] = met.get(first, 0) + 1, met.get(second, 0) + 1
                yield p
