"""The space in which detectors compare images: embeddings of the encoder as it is, gently whitened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.data.types.images import Pixels
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.whitening import WHITENING_ROWS, Whitening, directions_worth_keeping, whitened
from samekind.training.training_set import TrainingImages

DETECTION_DIM, DETECTION_WHITENING = 256, 0.25


@dataclass(frozen=True)
class DetectionSpace:
    """The space in which detectors compare images.

    It is always whitened, gently, whatever the whitening of the finished encoder: neighbours in whitened features are more often of the
    same class.

    Attributes:
        encoder: gives the features.
        whitening: fitted to those of the images in training.
        embeddings: `(F, D)` unit-norm float32 of the images in training.
    """

    encoder: Trainable
    whitening: Whitening
    embeddings: NDArray[np.float32]

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, D)` unit-norm embeddings of other prepared images, augmented views for example."""
        return whitened(self.whitening, self.encoder.features(images))


def detection_dim(images: TrainingImages) -> int:
    """The most dimensions that the space of these images has: cached vectors keep theirs."""
    return DETECTION_DIM if images.views is None else int(images.pixels.shape[1])


def detection_space(encoder: Trainable, images: TrainingImages, progress: Progress | None = None) -> DetectionSpace:
    """The space of an encoder as it is now."""
    features = encoder.features(images.fit_pixels, progress=progress)
    dim = directions_worth_keeping(min(DETECTION_DIM, encoder.feature_dim), len(features))
    fitted = np.random.default_rng(6).permutation(len(features))[:WHITENING_ROWS]
    whitening = encoder.fitted_whitening(features[fitted], DETECTION_WHITENING, dim)
    return DetectionSpace(encoder, whitening, whitened(whitening, features))
