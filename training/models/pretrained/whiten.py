"""The label-free map behind a pretrained backbone: fitted to a corpus' features in a closed form, before anything is trained."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.training.models.encoder import Encoder
from samekind.training.models.neighbour_whitening import fit_neighbour_whitening
from samekind.training.models.whitening import Whitening

DIRECTIONS = 256
"""Directions that are kept of more images than that. Fewer images keep all: those in which they do not differ may tell later ones apart."""
MOST_ROWS = 5000
"""Images that it is fitted to: four times as many as `lite0` has dimensions, and neighbours among them take a second."""
ENOUGH = 1000
"""Images from which on neighbours are trusted: with fewer of them a fine class has fewer members than an image has neighbours."""
GENTLE = 0.1
"""Exponent where neighbours say too little; stronger ones cost a corpus of few broad classes dearly (docs/decisions/0016)."""

TRAINING = "training images"
NOT_SPLIT = "images, none of which is for training"


def whiten(
    encoder: Encoder,
    feature_NF: NDArray[np.float32],
    exponent: float | None,
    progress: Progress,
    of: str = TRAINING,
) -> bool:
    """Fits the encoder's whitening to features of its own, in place; an adapter is lost.

    Args:
        encoder: a pretrained one.
        feature_NF: `(N, F)` features of images of the corpus.
        exponent: of a whitening by variances, in [0, 1]; 0 leaves the features as they are. `None` looks at mutual neighbours instead
            and, where these show no groups, takes `GENTLE`.
        progress: is told which it became.
        of: what the features are of, in words behind their number.

    Returns:
        True if there were too few features to look at neighbours: more of them deserve another whitening.
    """
    encoder.take_whitening(whitening_for(feature_NF, exponent, progress, of))
    return exponent is None and len(feature_NF) < ENOUGH


def whitening_for(
    feature_NF: NDArray[np.float32], exponent: float | None, progress: Progress, of: str = TRAINING
) -> Whitening:
    """The whitening that `whiten` gives an encoder with these features."""
    count, dim = feature_NF.shape
    if exponent == 0:
        return Whitening(dim, dim)
    whitening = Whitening(dim, min(DIRECTIONS, dim) if count > DIRECTIONS else dim)
    if exponent is None and count >= ENOUGH:
        neighbours = fit_neighbour_whitening(whitening, torch.from_numpy(feature_NF))
        if neighbours:
            progress.print(
                f"whitening: by what differs between mutual neighbours ({neighbours} nearest of {count:,} {of})"
            )
            return whitening
    if exponent is None:
        progress.print(
            f"whitening: by variances (exponent {GENTLE}), for neighbours say too little among {count:,} {of}"
        )
    whitening.fit(torch.from_numpy(feature_NF), GENTLE if exponent is None else exponent)
    return whitening


def whitening_rows(count: int, seed: int) -> NDArray[np.int64]:
    """A seeded choice among `count` images of those that the whitening is fitted to, ascending."""
    return np.sort(np.random.default_rng((seed, 4)).permutation(count)[:MOST_ROWS])
