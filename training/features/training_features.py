"""Images of a run that trains an adapter: vectors of a frozen encoder in place of pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.views.policies import policy_for
from samekind.training.config.train_config import TrainConfig
from samekind.training.features.cache import FeatureCache, Features
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.whiten import MOST_ROWS, whiten
from samekind.training.models.whitening import whitened
from samekind.training.training_set import TrainingImages, split_off_hold_out

_VIEW_SEED = 0  # the same views for every seed of a training: they are the slow part
_BLOCK = 1024


def load_training_features(corpus: Corpus, config: TrainConfig, encoder: Encoder, progress: Progress) -> TrainingImages:
    """Looks at the training images and their views through the frozen backbone, as far as a cache has not, and whitens what it sees.

    Args:
        corpus: what `training_corpus` returned.
        config: the run's settings.
        encoder: a pretrained one. It gets its whitening here, fitted to the images in training; one with an adapter keeps its own.
        progress: shows a bar.

    Returns:
        The training images; `pixels` are `(N, D)` float16 vectors of unit norm, before the adapter, and `views` those of their views.
    """
    policy = policy_for(corpus.name, encoder.spec.channels, config.strength)
    features = FeatureCache(encoder, corpus, policy, config.views, _VIEW_SEED).features(progress)
    labels, fit, hold_out = split_off_hold_out(corpus, config)
    if encoder.adapter is None:
        _fit_whitening(encoder, features, fit, config, progress)
    vectors = _whitened(encoder, features)
    mean, std = encoder.spec.mean, encoder.spec.std
    return TrainingImages(corpus, vectors[:, 0], labels, fit, hold_out, mean, std, vectors[:, 1:])


def _fit_whitening(
    encoder: Encoder, features: Features, fit: NDArray[np.int64], config: TrainConfig, progress: Progress
) -> None:
    rows = np.sort(np.random.default_rng((config.seed, 4)).permutation(fit)[:MOST_ROWS])
    plain = features[rows, 0].astype(np.float32)
    whiten(encoder, plain, config.whitening, progress)


def _whitened(encoder: Encoder, features: Features) -> NDArray[np.float16]:
    """`(N, 1 + K, D)` unit-norm vectors."""
    vectors = np.empty((*features.shape[:2], encoder.dim), dtype=np.float16)
    for start in range(0, len(features), _BLOCK):
        block = features[start : start + _BLOCK].astype(np.float32)
        unit = whitened(encoder.whitening, block.reshape(-1, block.shape[2]))
        vectors[start : start + len(block)] = unit.reshape(*block.shape[:2], -1)
    return vectors
