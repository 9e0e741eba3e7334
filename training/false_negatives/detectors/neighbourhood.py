"""The detector for a space that is good already: who is near there is suspected, and who is a mutual neighbour is sure.

# P, Q images of a pair, N training images, G dimension of a description
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.training.false_negatives.detectors.base import PairDetector
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.neighbours import mutual_neighbours, nearest_others, neighbour_matrix
from samekind.training.objectives.similarity import Contrast

WIDER = 10
"""As many times more neighbours are suspected than are sure: chosen on train splits (docs/results.md)."""
MOST = 500  # they are saved with every checkpoint


class Neighbourhood(PairDetector):
    """Suspects an image's neighbours in a frozen space, and is sure of the nearest where they are mutual.

    Training pulls its own neighbours closer, right or wrong; a frozen space does not confirm itself.

    Args:
        description: `(N, G)` unit-norm vectors of the training images.
        mutual: k, how many neighbours may be mutual; `training.models.neighbour_whitening.fitting_neighbours` finds it.
        near: how many are suspected; ten times as many if left out, at most 500.
        threshold: score above which a pair is flagged; scores are 1 for a near, 2 for a mutual neighbour, else 0.

    Source:
        Neighbours as positives: NNCLR, arXiv 2104.14548; mutual ones: k-reciprocal encoding, arXiv 1701.08398. The two widths are ours.
    """

    default_threshold = 0.5
    nearest: Tensor

    def __init__(
        self, description: NDArray[np.float32], mutual: int, near: int | None = None, threshold: float | None = None
    ) -> None:
        super().__init__(threshold)
        others = len(description) - 1
        self.mutual = max(1, min(mutual, others))
        near = max(self.mutual, min(near or min(WIDER * mutual, MOST), others))
        self.register_buffer("nearest", nearest_others(torch.from_numpy(description), near))
        self._score: Any = None

    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """2 for mutual neighbours, 1 where either image is near the other, else 0."""
        if self._score is None:
            self._score = _scores(self.nearest, self.mutual)
        block = self._score[first.cpu().numpy()][:, second.cpu().numpy()]
        return torch.from_numpy(block.toarray()).to(first.device)

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """Mutual neighbours are false negatives for sure, others that are near as likely as not."""
        return FalseNegativePrediction(scores_AM > self.threshold, (scores_AM / 2).clamp(max=1))


def _scores(nearest_Nk: Tensor, mutual: int) -> Any:
    """`(N, N)` sparse float32 scores of all pairs."""
    directed = neighbour_matrix(nearest_Nk)
    either = directed.maximum(directed.T)
    return (either + mutual_neighbours(nearest_Nk[:, :mutual])).minimum(2).tocsr()
