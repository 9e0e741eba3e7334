"""The images whose space is measured for its health after every epoch: a seeded sample, and two augmented views of some of it.

Small beside the epoch: at most a tenth of the images once and a fortieth of them as two views, forward only, while a step takes every
image forward and backward twice. It draws from generators of its own; gradients, norms and weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.training.config.data import DataSettings
from samekind.training.diagnostics.health import Health, health_of
from samekind.training.features.feature_encoder import Trainable
from samekind.training.models.whitening import unit_rows
from samekind.training.training_set import TrainingImages, measuring_order

MOST_IMAGES, FEWEST_IMAGES = 500, 256
MOST_VIEWS, FEWEST_VIEWS = 250, 32

Inputs = NDArray[Any]
"""What an encoder takes, one row an image: pixels, or cached features."""
TwoViews = Callable[[Inputs, tuple[int, ...]], tuple[Inputs, Inputs]]
"""Makes two augmented views of each image; the same seed gives the same views."""


@dataclass(frozen=True)
class HealthSample:
    """Images, and views of some of them.

    Attributes:
        chosen: `(S,)` images in training (numbers of `fit`), ascending.
        images: these, as the encoder takes them.
        view_1: one augmented view of each of the first of them.
        view_2: another view of the same.
    """

    chosen: NDArray[np.int64]
    images: Inputs
    view_1: Inputs
    view_2: Inputs

    def health(self, encoder: Trainable, feature_SF: NDArray[np.float32] | None = None) -> Health:
        """Figures of `health_of` in the encoder's space before whitening.

        Args:
            encoder: as it is after the epoch.
            feature_SF: `(S, F)` float32 features of the images where they are known already; `None` computes them.
        """
        features = encoder.features(self.images) if feature_SF is None else feature_SF
        views = encoder.features(self.view_1), encoder.features(self.view_2)
        return health_of(*(unit_rows(torch.from_numpy(rows)) for rows in (features, *views)))


def draw_health_sample(images: TrainingImages, settings: DataSettings, two_views: TwoViews) -> HealthSample:
    """The run's sample: the first images of its measuring order, so that whatever else is measured after an epoch has embedded them.

    Args:
        images: of the run.
        settings: the run's.
        two_views: makes the run's views.
    """
    order, count = measuring_order(images, settings), len(images.fit)
    chosen = np.sort(order[: min(MOST_IMAGES, max(FEWEST_IMAGES, count // 10))])
    pixels = images.pixels[images.fit[chosen]]
    seen = images.viewed[images.fit[order[: min(MOST_VIEWS, max(FEWEST_VIEWS, count // 40))]]]
    return HealthSample(chosen, pixels, *two_views(seen, (settings.seed, 5)))
