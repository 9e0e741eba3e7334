"""Loss of a run: objective × hardness × treatment × detector, put together from their names."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from samekind.training.config.objective import DEBIASING
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.same_content import SameContent
from samekind.training.false_negatives.treatments import TREATMENTS, FalseNegativePrediction
from samekind.training.objectives.contrastive import decoupled_loss, mean_over_anchors, softmax_loss
from samekind.training.objectives.mochi import mix_hardest
from samekind.training.objectives.nce import NoiseContrast
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import Terms, plain_terms, with_positives


class LossOutput(NamedTuple):
    """Loss of a batch.

    Attributes:
        loss: `(A,)` float32 loss per anchor.
        contrasted: `(A,)` bool, anchors that have a negative left; the others' loss is 0.
        prediction: the detector's; `None` where none was asked.
    """

    loss: Tensor
    contrasted: Tensor
    prediction: FalseNegativePrediction | None


class Loss(nn.Module):
    """Row by row: every anchor's loss depends on its own similarities alone.

    Args:
        config: the run's settings.
        num_images: M, over which the noise of `nce` is uniform.
        detector: of false negatives; `None` if the settings ask for none.
        constraints: pairwise annotations; `None` for none.
        copies: images that are there several times; `None` for none.
    """

    def __init__(
        self,
        config: TrainConfig,
        num_images: int,
        detector: Detector | None,
        constraints: PairConstraints | None = None,
        copies: SameContent | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.detector = detector
        self.constraints = constraints
        self.copies = copies
        if config.objective == "nce":
            self.noise = NoiseContrast(config.nce_form, config.temperature, num_images)

    @property
    def temperature(self) -> float:
        """τ; predictive coding learns its scale instead."""
        return 1.0 if self.config.objective == "cpc" else self.config.temperature

    def hardness(self, progress: float) -> float:
        """β at a point of the run in [0, 1]; 0 for objectives without hardness."""
        if self.config.objective != "hard":
            return 0.0
        start, end = self.config.beta, self.config.beta_end
        return start if end is None else start + (end - start) * progress

    def forward(self, contrast: Contrast, progress: float = 1.0) -> LossOutput:
        """Loss of a batch.

        Args:
            contrast: similarities and masks.
            progress: of the run, from 0 at the first step to 1 at the last.
        """
        terms = plain_terms(contrast, beta=self.hardness(progress), temperature=self.temperature)
        prediction = self._predict(contrast, progress)
        if prediction is not None:
            terms = self._treated(terms, prediction)
        if self.constraints is not None:
            terms = self.constraints.apply_constraints(terms, contrast, attract=self.config.confirmed == "attract")
        if self.copies is not None:
            terms = self.copies.drop_copies(terms, contrast)
        return LossOutput(self._objective(terms, contrast), terms.contrasted, prediction)

    @property
    def untreated_share(self) -> float:
        """Share of the steps before treatment starts; 1 without treatment."""
        return 1.0 if self.config.treatment == "none" else self.config.treatment_start or 0.0

    def is_treating(self, progress: float) -> bool:
        """True once the warm-up is over."""
        return self.config.treatment != "none" and progress >= self.untreated_share

    def _predict(self, contrast: Contrast, progress: float) -> FalseNegativePrediction | None:
        if self.detector is None or not (self.config.objective == "supervised" or self.is_treating(progress)):
            return None
        prediction: FalseNegativePrediction = self.detector(contrast)
        return prediction if self.constraints is None else self.constraints.clear_cannot_link(prediction, contrast)

    def refresh_detector(self, embedding_ND: NDArray[np.float32]) -> None:
        """Shows the detector the `(N, D)` unit-norm embeddings of all training images, and then the pairwise annotations."""
        assert self.detector is not None
        self.detector.refresh(embedding_ND)
        if self.constraints is not None:
            self.detector.learn(self.constraints)

    def _treated(self, terms: Terms, prediction: FalseNegativePrediction) -> Terms:
        if self.config.objective == "supervised":
            return with_positives(terms, prediction.flagged)
        return TREATMENTS[self.config.treatment](terms, prediction)

    def _objective(self, terms: Terms, contrast: Contrast) -> Tensor:
        name, temperature = self.config.objective, self.temperature
        if name == "nce":
            loss: Tensor = self.noise(terms)
            return loss
        if name == "decoupled":
            return decoupled_loss(terms, temperature=temperature)
        if name == "mixed":
            terms = mix_hardest(terms, contrast.candidate_vector)
        tau_plus = self.config.tau_plus if name in DEBIASING else 0.0
        return softmax_loss(terms, temperature=temperature, tau_plus=tau_plus or 0.0)


def mean_loss(output: LossOutput) -> Tensor:
    """Scalar mean over the anchors that have a negative left; 0 if none has."""
    return mean_over_anchors(output.loss, output.contrasted)
