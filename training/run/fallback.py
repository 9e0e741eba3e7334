"""An adapter that has gained nothing over the frozen space gives way to it, so that training never ends below where it began."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.training.diagnostics.neighbourhood_gain import neighbourhood_gain, neighbours_among
from samekind.training.engine.context import RunContext
from samekind.training.features.feature_encoder import FeatureEncoder, Trainable
from samekind.training.training_set import measuring_order

FEWEST, MOST = 100, 5000
"""Images from which on neighbourhoods are trusted (docs/decisions/0055), and that are looked at."""


class AdapterGain(NamedTuple):
    """What an adapter has gained.

    Attributes:
        gain: see `neighbourhood_gain`.
        is_kept: False if the frozen space was taken instead.
    """

    gain: float
    is_kept: bool


def fall_back(context: RunContext, encoder: Trainable, *, has_answers: bool) -> AdapterGain | None:
    """Sets the adapter's residual to zero if it has gained nothing, and says so.

    Args:
        context: of the run.
        encoder: after the last step.
        has_answers: True if it was trained with pairwise annotations.

    Returns:
        What was found; `None` where nothing was asked: there is no adapter, it learned from labels or answers, which know better than
        neighbours, images are few, or the settings say so.
    """
    config, images = context.config, context.images
    if not isinstance(encoder, FeatureEncoder) or not config.fall_back or config.uses_labels or has_answers:
        return None
    if len(images.fit) < FEWEST:
        context.progress.print(
            f"adapter: {len(images.fit)} images are too few to tell without labels whether it has gained anything over the frozen space "
            f"({FEWEST} would do)"
        )
        return None
    assert images.views is not None
    rows = images.fit[np.sort(measuring_order(images, config)[:MOST])]
    vectors = np.concatenate([images.pixels[rows][:, None], images.views[rows][:, :2]], axis=1).astype(np.float32)
    frozen, adapted = torch.from_numpy(vectors), torch.from_numpy(_adapted(encoder, vectors))
    gain = neighbourhood_gain(frozen, adapted, k=neighbours_among(len(rows)))
    if gain > 0:
        context.progress.print(f"adapter: neighbourhoods agree more than in the frozen space ({gain:+.4f})")
        return AdapterGain(gain, True)
    encoder.forget()
    context.progress.print(f"adapter: nothing was gained ({gain:+.4f} in neighbourhoods), so the frozen space is kept")
    return AdapterGain(gain, False)


def _adapted(encoder: FeatureEncoder, vectors_NVD: NDArray[np.float32]) -> NDArray[np.float32]:
    return encoder.features(vectors_NVD.reshape(-1, vectors_NVD.shape[2])).reshape(vectors_NVD.shape)
