"""What tests of objectives and treatments share: seeded batches, as tensors and as the slow loops take them, and the loss of a run."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from samekind.training.config.objective import OBJECTIVES
from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.loss import Loss, mean_loss
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.similarity import Contrast, in_batch
from samekind.training.objectives.terms import plain_terms

IN_BATCH = [name for name in OBJECTIVES if name != "cpc"]


def projections(rows: int, seed: int = 0, dim: int = 6) -> Tensor:
    """Seeded unit-norm rows."""
    return torch.nn.functional.normalize(torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def batch(rows: int, seed: int = 0) -> Contrast:
    """Two seeded views of `rows` images."""
    return in_batch(projections(rows, seed), projections(rows, seed + 1), torch.arange(rows))


def as_arrays(contrast: Contrast) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the slow loops take."""
    return contrast.positive.double().numpy(), contrast.candidate.double().numpy(), contrast.is_negative.numpy()


def hard(contrast: Contrast, *, temperature: float, beta: float, tau_plus: float) -> Tensor:
    """The scalar loss of the objective `hard`."""
    terms = plain_terms(contrast, beta=beta, temperature=temperature)
    return mean_over_anchors(softmax_loss(terms, temperature=temperature, tau_plus=tau_plus), terms.contrasted)


def plain(contrast: Contrast, *, temperature: float) -> Tensor:
    """The scalar loss of the objective `info_nce`."""
    return hard(contrast, temperature=temperature, beta=0.0, tau_plus=0.0)


def loss_of(contrast: Contrast, judge: Detector | None = None, **settings: Any) -> Tensor:
    """The loss that a run with these settings has, treatment from the first step on."""
    config = TrainConfig(**{"treatment_start": 0.0, **settings})
    return mean_loss(Loss(config, 100, judge)(contrast))
