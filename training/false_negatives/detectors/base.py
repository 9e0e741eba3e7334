"""Detectors of false negatives: a score for each pair of anchor and candidate, a decision and a probability.

# A anchors, M candidates, N training images, D dimension of an embedding

Some read the batch alone (`training.false_negatives.detectors.batch`): its similarities are all they need. The others
(`training.false_negatives.detectors.pairs`) know the training images themselves: from the embeddings of all of them before the epoch,
from a second encoder, or from labels, which no honest run uses. A detector is a module: what it learned is saved with the run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast


class Detector(nn.Module, ABC):
    """Scores pairs; flags those above a threshold.

    Args:
        threshold: a score; `None` takes the detector's own.

    Attributes:
        threshold: scores above it are flagged.
        width: how far from it a score has a probability of about 0.73 instead of one half.
        reads_embeddings: True if `refresh` must be called before an epoch.
        max_over_views: True if a pair's score may be taken as the greatest over several augmented views of the anchor.
        support_views: number of augmented views of each image to average into the embeddings of `refresh`, where time allows.
        refreshed: number of the epoch, from 1, before which that was last done.
    """

    default_threshold = 0.0
    width = 0.05
    reads_embeddings = False
    max_over_views = False
    support_views = 0
    refreshed: Tensor

    def __init__(self, threshold: float | None = None) -> None:
        super().__init__()
        self.register_buffer("refreshed", torch.tensor(0))
        self.threshold = self.default_threshold if threshold is None else threshold

    def refresh(self, embedding_ND: NDArray[np.float32]) -> None:
        """Learns from the `(N, D)` unit-norm embeddings of all training images; those that read none learn nothing."""

    def learn(self, constraints: PairConstraints) -> None:
        """Learns from pairwise annotations, after `refresh`; most detectors learn nothing."""

    def warm_up(self, contrast: Contrast) -> None:
        """Starts what is learned batch by batch where it will converge to; most detectors learn nothing there."""

    @abstractmethod
    def scores(self, contrast: Contrast) -> Tensor:
        """`(A, M)` float32, higher for pairs that are more likely of one class; no gradient."""

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """Flags and probabilities for these scores."""
        return FalseNegativePrediction(
            scores_AM > self.threshold, torch.sigmoid((scores_AM - self.threshold) / self.width)
        )

    @torch.no_grad()
    def forward(self, contrast: Contrast) -> FalseNegativePrediction:
        """Prediction for a batch. Pairs that are no negatives are never flagged."""
        prediction = self.decide(self.scores(contrast), contrast)
        mask = contrast.is_negative
        return FalseNegativePrediction(prediction.flagged & mask, prediction.probability.masked_fill(~mask, 0.0))


class PairDetector(Detector):
    """A detector that knows training images: it scores pairs of images, whatever their views in the batch are."""

    @abstractmethod
    def pair_scores(self, first: Tensor, second: Tensor) -> Tensor:
        """`(P, Q)` float32 scores of images `first (P,)` against `second (Q,)`, both int64 ≥ 0."""

    def scores_of(self, pairs_P2: Tensor, block: int = 256) -> Tensor:
        """`(P,)` float32 scores of some pairs, int64 rows."""
        blocks = [self.pair_scores(some[:, 0], some[:, 1]).diagonal() for some in pairs_P2.split(block)]
        return torch.cat(blocks) if blocks else torch.zeros(0)

    def scores(self, contrast: Contrast) -> Tensor:
        """Each pair of images is scored once and spread over its views."""
        anchors, of_anchor = contrast.anchor_index.unique(return_inverse=True)
        candidates, of_candidate = contrast.candidate_index.clamp(min=0).unique(return_inverse=True)
        return self.pair_scores(anchors, candidates)[of_anchor][:, of_candidate]
