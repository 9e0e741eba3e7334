"""Scores of all ordered pairs of a sample of training images, by any detector.

# A images of the sample, each of them anchor and candidate; D dimension; V augmented views
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from samekind.data.loader import MakesViews
from samekind.indexer.evaluation.detector_report import Scores
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detection_space import DetectionSpace, detection_space
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.pairs import drawn_rows
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.features.feature_encoder import Trainable
from samekind.training.features.views import view_maker
from samekind.training.models.whitening import discount
from samekind.training.objectives.similarity import Contrast
from samekind.training.training_set import TrainingImages

SUPPORT_VIEWS = 8
_SEED = 0
_BLOCK = 2048


@dataclass(frozen=True)
class PairSample:
    """The sample, and what all detectors share.

    Attributes:
        config: the run's settings.
        training: its images.
        rows: `(A,)` int64 rows of the sample among those that were trained on.
        space: that neighbours are looked for in.
        transform: augments images as the training did.
    """

    config: TrainConfig
    training: TrainingImages
    rows: NDArray[np.int64]
    space: DetectionSpace
    transform: MakesViews

    @classmethod
    def of(
        cls, encoder: Trainable, config: TrainConfig, training: TrainingImages, rows: NDArray[np.int64]
    ) -> PairSample:
        """The sample in the space of an encoder."""
        return cls(
            config, training, rows, detection_space(encoder, training), view_maker(training, config, encoder.spec)
        )

    @cached_property
    def contrasts(self) -> list[Contrast]:
        """The sample against itself, once for each augmented view that is the anchors' positive."""
        rows, pixels = self.rows, self.training.viewed[self.training.fit[self.rows]]
        clean = torch.from_numpy(self.space.embeddings[rows])
        index, similarity, others = torch.from_numpy(rows), clean @ clean.T, ~torch.eye(len(rows), dtype=torch.bool)
        contrasts = []
        for number in range(SUPPORT_VIEWS):
            view = torch.from_numpy(self.space.embed(self.transform.batch(pixels, (self.config.seed, 22, number))[0]))
            contrasts.append(Contrast((clean * view).sum(1), similarity, others, index, index, view, clean))
        return contrasts

    def predict(self, detector: Detector, answers: PairConstraints) -> tuple[Scores, FalseNegativePrediction]:
        """`(A, A)` raw scores, flags and probabilities of a detector that is new."""
        detector.refresh(self._embeddings(detector.support_views))
        detector.learn(answers)
        scores = detector_scores(detector, self.contrasts)
        return scores.numpy(), detector.decide(scores, self.contrasts[0])

    def at_random(self) -> tuple[Scores, FalseNegativePrediction]:
        """Drawn scores; flags as many as the prior leads to expect."""
        count, prior = len(self.rows), float(self.config.prior)
        scores = np.random.default_rng((_SEED, 23)).random((count, count), dtype=np.float32)
        flagged = torch.from_numpy(scores > 1 - prior)
        return scores, FalseNegativePrediction(flagged, torch.full((count, count), prior))

    def _embeddings(self, views: int) -> NDArray[np.float32]:
        """The space's embeddings. With views, those of the sample and of the rows that a detector draws are replaced by their mean with
        augmented views of themselves, and all lose what views change.
        """
        if not views:
            return self.space.embeddings
        rows = np.union1d(self.rows, drawn_rows(len(self.training.fit)))
        embeddings = torch.from_numpy(self.space.embeddings.copy())
        spread = torch.zeros(embeddings.shape[1], embeddings.shape[1])
        for number, some in enumerate(np.split(rows, range(_BLOCK, len(rows), _BLOCK))):
            augmented = self._augmented(some, number, views)
            embeddings[some] = functional.normalize(embeddings[some] + augmented.sum(0), dim=1)
            off_mean = (augmented - augmented.mean(0)).flatten(0, 1)
            spread += off_mean.T @ off_mean / (views * len(rows))
        discounted: NDArray[np.float32] = discount(embeddings, spread).numpy()
        return discounted

    def _augmented(self, rows: NDArray[np.int64], number: int, views: int) -> Tensor:
        """`(V, R, D)` embeddings of augmented views of a numbered block of rows."""
        pixels = self.training.viewed[self.training.fit[rows]]
        seeds = [(_SEED, 24, number, view) for view in range(views)]
        return torch.stack(
            [torch.from_numpy(self.space.embed(self.transform.batch(pixels, seed)[0])) for seed in seeds]
        )


def detector_scores(detector: Detector, support: Sequence[Contrast]) -> Tensor:
    """`(A, A)` raw scores.

    Args:
        detector: has seen the images in training.
        support: the same images as anchors and candidates, each time with another augmented view as the anchors' positive. `threshold`
            takes the greatest score over all of them, everybody else the first.
    """
    detector.warm_up(support[0])
    detector.eval()
    views = support if detector.max_over_views else support[:1]
    return torch.stack([detector.scores(contrast) for contrast in views]).amax(0)
