"""The embedding space after an epoch, and what is measured in it: accuracy on the hold-out, and the probe's sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.data.types.rows import ChosenRows
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.accuracy import knn_accuracy
from samekind.training.diagnostics.gradient_weights import GradientWeights
from samekind.training.diagnostics.probe import AMONG, SAMPLE, Probe, look_at
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.pretrained.whiten import whitening_for, whitening_rows
from samekind.training.models.whitening import Whitening, unit_rows, whitened
from samekind.training.training_set import TrainingImages, measuring_order

EPOCH_BANK = AMONG  # rows are enough to see the curve; the figure that counts uses all


@dataclass(frozen=True)
class EpochSpace:
    """Embeddings of some images by the encoder of an epoch.

    Attributes:
        bank: `(B,)` images in training (numbers of `fit`), ascending.
        feature_BF: `(B, F)` float32 features of these, before whitening.
        bank_BD: `(B, D)` unit-norm float32 of these.
        hold_out_HD: `(H, D)` likewise of the hold-out.
    """

    bank: NDArray[np.int64]
    feature_BF: NDArray[np.float32]
    bank_BD: NDArray[np.float32]
    hold_out_HD: NDArray[np.float32]


def epoch_space(
    encoder: Trainable, images: TrainingImages, config: TrainConfig, progress: Progress | None = None
) -> EpochSpace:
    """The space after an epoch: of up to 10,000 images in training, or of those that the probe needs where there is no hold-out.

    The whitening is fitted to those images, as it will be to up to 20,000 after the last epoch (5,000 of a pretrained encoder).
    """
    size = EPOCH_BANK if len(images.hold_out) else SAMPLE
    chosen = np.sort(measuring_order(images, config)[:size])
    bank = encoder.features(ChosenRows(images.pixels, images.fit[chosen]), progress=progress)
    query = encoder.features(ChosenRows(images.pixels, images.hold_out), progress=progress)
    if config.whitening or config.fine_tunes:
        whitening = _whitening(encoder, bank, config)
        return EpochSpace(chosen, bank, whitened(whitening, bank), whitened(whitening, query))
    return EpochSpace(chosen, bank, unit_rows(torch.from_numpy(bank)), unit_rows(torch.from_numpy(query)))


def _whitening(encoder: Trainable, bank_BF: NDArray[np.float32], config: TrainConfig) -> Whitening:
    """The whitening that the finished encoder would have."""
    if config.fine_tunes:
        return whitening_for(bank_BF[whitening_rows(len(bank_BF), config.seed)], config.whitening, NoProgress())
    return encoder.fitted_whitening(bank_BF, config.whitening or 0.0, encoder.dim)


def epoch_accuracy(space: EpochSpace, images: TrainingImages) -> float | None:
    """k-NN accuracy on the hold-out; `None` without labels."""
    if images.labels is None:
        return None
    bank_labels, query_labels = images.labels[images.fit[space.bank]], images.labels[images.hold_out]
    return knn_accuracy(space.bank_BD, bank_labels, space.hold_out_HD, query_labels)


def sample_look(space: EpochSpace, probe: Probe, gradient_weights: GradientWeights | None) -> dict[str, Any]:
    """The probe's anchors against its sample, at the end of an epoch; both are in the bank."""
    anchors, sample = (np.searchsorted(space.bank, chosen) for chosen in (probe.anchor_A, probe.sample_S))
    tally = look_at(probe, space.bank_BD[anchors], space.bank_BD[sample], probe.sample_S, gradient_weights)
    return probe.record(tally)
