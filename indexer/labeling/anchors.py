"""Which image the next screen is about: one that stands for much of what no answer is about yet.

Drawn in proportion to how much closer the images of the corpus would be, on the whole, to the nearest one that answers have put into a
group, so seldom an outlier, which nothing is the same as. That is the gain of a facility location function (Krause & Golovin 2014,
doi:10.1017/CBO9781139177801.004). It is drawn from and not maximised: with many classes and few answers the greatest gain teaches less than
chance (docs/decisions/0033).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

# C contents, G contents in groups, T targets, M candidates, D embedding

CANDIDATES, TARGETS = 1000, 2000
"""Images that one is drawn of, and images that they are to stand for: samples of the corpus where it is larger."""
_AT_ONCE = 2000  # images in groups that are compared with the targets: where names came by a file, all may be in one
SHARPNESS = 3
"""An image stands for another by the cosine to that power, so that near ones count most."""


class Anchors:
    """Draws the anchors of one list of screens.

    Args:
        vectors: gives the `(M, D)` vectors of norm 1 of contents by number.
        contents: `(M,)` numbers of those that may be asked about.
        grouped: `(G,)` numbers of those that answers have put into groups.
        seed: decides what is drawn. The same answers lead to the same draw, whether they come in one list or one by one.
    """

    def __init__(
        self,
        vectors: Callable[[NDArray[np.int64]], NDArray[np.float64]],
        contents: NDArray[np.int64],
        grouped: NDArray[np.int64],
        seed: int,
    ) -> None:
        random = np.random.default_rng(seed)
        self._vectors = vectors
        self._order = random.permutation(contents)
        self._target_TD = vectors(self._order[:TARGETS])
        self._reached_T = np.zeros(len(self._target_TD))
        for start in range(0, len(grouped), _AT_ONCE):
            found_MT = self._alike(grouped[start : start + _AT_ONCE])
            self._reached_T = np.maximum(self._reached_T, found_MT.max(axis=0))
        # The least of exponential variables over their rates falls to each content in proportion to its rate: a draw that needs no state.
        self._turn_C = random.exponential(size=contents.max(initial=-1) + 1)

    def draw(self, is_open_C: NDArray[np.bool_], num_answers_C: NDArray[np.int64]) -> int:
        """One of the open contents that the fewest answers are about.

        Args:
            is_open_C: `(C,)` true for contents that may be drawn, at least one.
            num_answers_C: `(C,)` number of answers about each.
        """
        open_M = self._order[is_open_C[self._order]]
        num_answers_M = num_answers_C[open_M]
        candidate_M = open_M[num_answers_M == num_answers_M.min()][:CANDIDATES]
        gain_M = np.maximum(self._alike(candidate_M) - self._reached_T, 0).sum(axis=1)
        return int(candidate_M[(self._turn_C[candidate_M] / np.maximum(gain_M, 1e-12)).argmin()])

    def _alike(self, contents: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(M, T)` how well contents stand for the targets, 0 to 1."""
        alike_MT = self._vectors(contents) @ self._target_TD.T
        np.maximum(alike_MT, 0, out=alike_MT)
        found_MT = alike_MT.copy()
        for _ in range(SHARPNESS - 1):
            found_MT *= alike_MT  # NumPy's own power takes longer than the product of the vectors
        return np.asarray(found_MT)
