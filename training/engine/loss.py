"""A run's loss: objective × hardness × treatment × detector, put together from their names."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from samekind.training.config.objective import DEBIASING
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.treatments import TREATMENTS, FalseNegativePrediction
from samekind.training.objectives.contrastive import Terms, decoupled, info_nce, plain_terms
from samekind.training.objectives.mochi import mix_hardest
from samekind.training.objectives.nce import NoiseContrast
from samekind.training.objectives.similarity import Contrast


class LossOutput(NamedTuple):
    """What the loss made of a batch.

    Attributes:
        loss: `(A,)` float32 loss per anchor.
        contrasted: `(A,)` bool, anchors that have a negative left; the others' loss is 0.
        suspects: what the detector said; `None` where none was asked.
    """

    loss: Tensor
    contrasted: Tensor
    suspects: FalseNegativePrediction | None


class Loss(nn.Module):
    """Row by row: every anchor's loss depends on its own similarities alone.

    Args:
        config: the run's settings.
        num_images: M, over which the noise of `nce` is uniform.
        detector: of false negatives; `None` if the settings ask for none.
        known: what people have said of pairs; `None` for nothing.
    """

    def __init__(
        self, config: TrainConfig, num_images: int, detector: Detector | None, known: PairConstraints | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.detector = detector
        self.known = known
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
        """The loss of a batch.

        Args:
            contrast: similarities and masks.
            progress: where the run stands: 0 at the first step, 1 at the last.
        """
        terms = plain_terms(contrast, beta=self.hardness(progress), temperature=self.temperature)
        suspects = self._suspects(contrast, progress)
        if suspects is not None:
            terms = self._treated(terms, suspects)
        if self.known is not None:
            terms = self.known.settle(terms, contrast, attract=self.config.confirmed == "attract")
        return LossOutput(self._objective(terms, contrast), terms.kept.any(1), suspects)

    def is_treating(self, progress: float) -> bool:
        """Whether the warm-up is over."""
        return self.config.treatment != "none" and progress >= (self.config.treatment_start or 0.0)

    def _suspects(self, contrast: Contrast, progress: float) -> FalseNegativePrediction | None:
        if self.detector is None or not (self.config.objective == "supervised" or self.is_treating(progress)):
            return None
        suspects: FalseNegativePrediction = self.detector(contrast)
        return suspects if self.known is None else self.known.spare(suspects, contrast)

    def refresh_detector(self, embedding_ND: NDArray[np.float32]) -> None:
        """Shows the detector the `(N, D)` unit-norm embeddings of all training images and, if it learns from them, the answers."""
        assert self.detector is not None
        self.detector.refresh(embedding_ND)
        if self.known is not None and isinstance(self.detector, Combined):
            self.detector.learn(self.known)

    def _treated(self, terms: Terms, suspects: FalseNegativePrediction) -> Terms:
        if self.config.objective == "supervised":
            return replace(terms, pulled=(terms.kept & suspects.flagged).float())
        return TREATMENTS[self.config.treatment](terms, suspects)

    def _objective(self, terms: Terms, contrast: Contrast) -> Tensor:
        name, temperature = self.config.objective, self.temperature
        if name == "nce":
            loss: Tensor = self.noise(terms)
            return loss
        if name == "decoupled":
            return decoupled(terms, temperature=temperature)
        if name == "mixed":
            terms = mix_hardest(terms, contrast.candidate_vector)
        tau_plus = self.config.tau_plus if name in DEBIASING else 0.0
        return info_nce(terms, temperature=temperature, tau_plus=tau_plus or 0.0)


def mean_loss(verdict: LossOutput) -> Tensor:
    """Scalar mean over the anchors that have a negative left; 0 if none has."""
    return verdict.loss.sum() / verdict.contrasted.sum().clamp(min=1)
