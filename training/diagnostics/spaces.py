"""Accuracy of an encoder: on the hold-out after every epoch, on the test split once at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepare_corpus
from samekind.training.config.train_config import TrainConfig
from samekind.training.diagnostics.gradient_weights import GradientWeights
from samekind.training.diagnostics.knn import KNN_K, knn_accuracy
from samekind.training.diagnostics.probe import AMONG, SAMPLE, Probe, look_at
from samekind.training.models.encoder import Encoder
from samekind.training.models.whitening import WHITENING_ROWS, Whitening, unit_rows, whitened
from samekind.training.training_set import TrainingImages, label_numbers, measuring_order

EPOCH_BANK = AMONG  # rows are enough to see the curve; the figure that counts uses all


@dataclass(frozen=True)
class EpochSpace:
    """Embeddings of some images as the encoder is now, for what is measured after an epoch.

    Attributes:
        bank: `(B,)` images in training (numbers of `fit`), ascending.
        bank_BD: `(B, D)` unit-norm float32 of these.
        hold_out_HD: `(H, D)` likewise of the hold-out.
    """

    bank: NDArray[np.int64]
    bank_BD: NDArray[np.float32]
    hold_out_HD: NDArray[np.float32]


def epoch_space(encoder: Encoder, images: TrainingImages, config: TrainConfig) -> EpochSpace:
    """The space after an epoch: up to 10,000 images in training, or as many as the probe needs where there is no hold-out.

    The whitening is fitted to those images, as it will be to all of them after the last epoch.
    """
    size = EPOCH_BANK if len(images.hold_out) else SAMPLE
    chosen = np.sort(measuring_order(images, config)[:size])
    bank = encoder.features(images.pixels[images.fit[chosen]])
    query = encoder.features(images.pixels[images.hold_out])
    if config.whitening:
        whitening = Whitening(encoder.feature_dim, encoder.dim)
        whitening.fit(torch.from_numpy(bank), config.whitening)
        return EpochSpace(chosen, whitened(whitening, bank), whitened(whitening, query))
    return EpochSpace(chosen, unit_rows(torch.from_numpy(bank)), unit_rows(torch.from_numpy(query)))


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


def with_corpus_look(
    record: dict[str, Any], embedding_FD: NDArray[np.float32], probe: Probe, gradient_weights: GradientWeights | None
) -> dict[str, Any]:
    """The last epoch's record with a look at the probe's anchors against all images in training, by the finished encoder."""
    tally = look_at(probe, embedding_FD[probe.anchor_A], embedding_FD, np.arange(len(embedding_FD)), gradient_weights)
    so_far = record.get("probe") or {
        "label_level": probe.label_level
    }  # an epoch that an older version trained has none
    return {**record, "probe": {**so_far, "corpus": probe.record(tally)}}


def fit_whitening(encoder: Encoder, images: TrainingImages, config: TrainConfig) -> None:
    """Fits the encoder's whitening to the features of up to 20,000 training images; without labels, of course."""
    if config.whitening:
        rows = np.random.default_rng((config.seed, 4)).permutation(len(images.pixels))[:WHITENING_ROWS]
        features = encoder.features(images.pixels[np.sort(rows)])
        encoder.whitening.fit(torch.from_numpy(features), config.whitening)


def evaluate_test_split(
    encoder: Encoder, corpus: Corpus, progress: Progress, bank_ND: NDArray[np.float32] | None
) -> dict[str, Any]:
    """k-NN accuracy on the test split against the whole training split (also the images that `limit` left out, as `evaluate` does).

    Args:
        encoder: the finished one.
        corpus: with all its splits.
        progress: shows bars.
        bank_ND: `(N, D)` embeddings of the training split, if they are there already.

    Returns:
        `knn_accuracy` (`None` with a `note` where it cannot be known), `knn_k`, `num_bank`, `num_test`.
    """
    train, test = corpus.split("train"), corpus.split("test")
    figures: dict[str, Any] = {"knn_accuracy": None, "knn_k": KNN_K, "num_bank": len(train), "num_test": len(test)}
    bank_labels, query_labels = (label_numbers(part.labels, corpus.classes) for part in (train, test))
    if bank_labels is None or query_labels is None:
        return {**figures, "note": "no labels: accuracy cannot be measured"}
    if len(test) == 0:
        return {**figures, "note": "no test split: accuracy cannot be measured"}
    bank = _embedded(encoder, train, progress) if bank_ND is None else bank_ND
    query = _embedded(encoder, test, progress)
    return {**figures, "knn_accuracy": knn_accuracy(bank, bank_labels, query, query_labels)}


def _embedded(encoder: Encoder, corpus: Corpus, progress: Progress) -> NDArray[np.float32]:
    spec = encoder.spec
    return encoder.embed(prepare_corpus(corpus, spec.image_size, spec.channels, progress=progress), progress=progress)
