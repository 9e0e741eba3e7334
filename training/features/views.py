"""Views of a run's images: made of pixels, or chosen among those that are cached."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samekind.data.loader import MakesViews
from samekind.data.views.policies import policy_for
from samekind.data.views.two_view import TwoViewTransform
from samekind.training.config.data import DataSettings
from samekind.training.models.encoder import EncoderSpec
from samekind.training.training_set import TrainingImages

Float16 = NDArray[np.float16]


class CachedViews:
    """Draws two different views of each image; stands where `data.views.two_view.TwoViewTransform` does for pixels."""

    def batch(self, views_BKD: Float16, seed: int | Sequence[int] | None = None) -> tuple[Float16, Float16]:
        """Two views of every image; the same seed gives the same ones.

        Args:
            views_BKD: `(B, K, D)` vectors of K ≥ 2 views of B images.
            seed: one number, or several that name a batch.

        Returns:
            two arrays of `(B, D)`.
        """
        count, views = views_BKD.shape[:2]
        generator = np.random.default_rng(seed)
        first = generator.integers(views, size=count)
        second = (first + generator.integers(1, views, size=count)) % views
        rows = np.arange(count)
        return views_BKD[rows, first], views_BKD[rows, second]


def view_maker(images: TrainingImages, settings: DataSettings, spec: EncoderSpec) -> MakesViews:
    """Makes views of rows of `images.viewed`, as the run does."""
    if images.views is not None:
        return CachedViews()
    policy = policy_for(images.corpus.name, spec.channels, settings.strength)
    return TwoViewTransform(spec.image_size, spec.channels, policy)
