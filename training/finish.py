"""Accuracy of an encoder: on the hold-out after every epoch, on the test split once at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from data.corpus import Corpus
from data.images import prepare_corpus
from data.progress import Progress
from training.config import TrainConfig
from training.encoder import Encoder
from training.evaluate import KNN_K, knn_accuracy, label_numbers
from training.images import TrainingImages
from training.whitening import Whitening

EPOCH_BANK = 10_000  # rows are enough to see the curve; the figure that counts uses all


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


def test_accuracy(encoder: Encoder, images: TrainingImages, corpus: Corpus, progress: Progress) -> dict[str, Any]:
    """k-NN accuracy on the test split against all training images, with the sizes it was computed from.

    Returns:
        `knn_accuracy` (`None` with a `note` where it cannot be known), `knn_k`, `num_bank`, `num_test`.
    """
    test = corpus.split("test")
    figures: dict[str, Any] = {
        "knn_accuracy": None,
        "knn_k": KNN_K,
        "num_bank": len(images.pixels),
        "num_test": len(test),
    }
    if corpus.labels is None or images.labels is None:
        return {**figures, "note": "no labels: accuracy cannot be measured"}
    if len(test) == 0:
        return {**figures, "note": "no test split: accuracy cannot be measured"}
    queries = prepare_corpus(test, encoder.spec.image_size, encoder.spec.channels, progress=progress)
    labels = label_numbers(test.labels, images.corpus.classes)
    assert labels is not None
    bank = encoder.embed(images.pixels, progress=progress)
    figures["knn_accuracy"] = knn_accuracy(bank, images.labels, encoder.embed(queries, progress=progress), labels)
    return figures


@torch.no_grad()
def _apply(whitening: Whitening, feature: NDArray[np.float32]) -> NDArray[np.float32]:
    return _unit(whitening(torch.from_numpy(feature)))


def _unit(feature: torch.Tensor) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = functional.normalize(feature, dim=1).numpy()
    return unit
