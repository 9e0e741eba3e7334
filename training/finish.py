"""Accuracy of an encoder: on the hold-out after every epoch, on the test split once at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from data.corpus import Corpus, Pixels
from data.images import prepare_corpus
from data.progress import Progress
from training.config import TrainConfig
from training.encoder import Encoder
from training.evaluate import KNN_K, knn_accuracy, label_numbers
from training.images import TrainingImages
from training.whitening import Whitening, directions_worth_keeping

EPOCH_BANK = 10_000  # rows are enough to see the curve; the figure that counts uses all
DETECTION_DIM, DETECTION_WHITENING = 256, 0.25
WHITENING_ROWS = 20_000  # ten times the 2,048 dimensions of the widest feature


def epoch_accuracy(encoder: Encoder, images: TrainingImages, config: TrainConfig) -> float | None:
    """k-NN accuracy on the hold-out against up to 10,000 images that were trained on; `None` without labels.

    The whitening is fitted to those images, as it will be to all of them after the last epoch.
    """
    if images.labels is None or len(images.hold_out) == 0:
        return None
    bank_rows = np.sort(np.random.default_rng((config.seed, 3)).permutation(images.fit)[:EPOCH_BANK])
    bank, query = encoder.features(images.pixels[bank_rows]), encoder.features(images.pixels[images.hold_out])
    if config.whitening:
        whitening = Whitening(encoder.feature_dim, encoder.dim)
        whitening.fit(torch.from_numpy(bank), config.whitening)
        bank, query = (_apply(whitening, x) for x in (bank, query))
    else:
        bank, query = (_unit(torch.from_numpy(x)) for x in (bank, query))
    return knn_accuracy(bank, images.labels[bank_rows], query, images.labels[images.hold_out])


@dataclass(frozen=True)
class DetectionSpace:
    """Where detectors compare images.

    It is always whitened, gently, whatever the encoder itself will be: neighbours in whitened features are more often of one class.

    Attributes:
        encoder: gives the features.
        whitening: fitted to those of the images in training.
        embeddings: `(F, D)` unit-norm float32 of the images in training.
    """

    encoder: Encoder
    whitening: Whitening
    embeddings: NDArray[np.float32]

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, D)` unit-norm embeddings of other prepared images, altered views for example."""
        return _apply(self.whitening, self.encoder.features(images))


def detection_space(encoder: Encoder, images: TrainingImages) -> DetectionSpace:
    """The space of an encoder as it is now."""
    features = encoder.features(images.pixels[images.fit])
    dim = directions_worth_keeping(min(DETECTION_DIM, encoder.feature_dim), len(features))
    whitening = Whitening(encoder.feature_dim, dim)
    fitted = np.random.default_rng(6).permutation(len(features))[:WHITENING_ROWS]
    whitening.fit(torch.from_numpy(features[fitted]), DETECTION_WHITENING)
    return DetectionSpace(encoder, whitening, _apply(whitening, features))


def fit_whitening(encoder: Encoder, images: TrainingImages, config: TrainConfig) -> None:
    """Fits the encoder's whitening to the features of up to 20,000 training images; without labels, of course."""
    if config.whitening:
        rows = np.random.default_rng((config.seed, 4)).permutation(len(images.pixels))[:WHITENING_ROWS]
        features = encoder.features(images.pixels[np.sort(rows)])
        encoder.whitening.fit(torch.from_numpy(features), config.whitening)


def test_accuracy(encoder: Encoder, corpus: Corpus, progress: Progress) -> dict[str, Any]:
    """k-NN accuracy on the test split against the whole training split (also the images that `limit` left out, as `evaluate` does).

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
    bank, query = (_embedded(encoder, part, progress) for part in (train, test))
    return {**figures, "knn_accuracy": knn_accuracy(bank, bank_labels, query, query_labels)}


def _embedded(encoder: Encoder, corpus: Corpus, progress: Progress) -> NDArray[np.float32]:
    spec = encoder.spec
    return encoder.embed(prepare_corpus(corpus, spec.image_size, spec.channels, progress=progress), progress=progress)


@torch.no_grad()
def _apply(whitening: Whitening, feature: NDArray[np.float32]) -> NDArray[np.float32]:
    return _unit(whitening(torch.from_numpy(feature)))


def _unit(feature: torch.Tensor) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = functional.normalize(feature, dim=1).numpy()
    return unit
