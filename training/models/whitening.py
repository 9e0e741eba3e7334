"""Whitening: a label-free linear map after the backbone that keeps a few loud directions from deciding every cosine.

Contrastive features are anisotropic: most of their variance lies in a few directions, and a cosine listens to those alone. Shrinking
each principal direction by a power of its variance lets the quiet ones speak. Fitted once to the features of the training images after
training, it is part of the encoder from then on.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from samekind.training.models.streams import one_thread
from samekind.training.runtime.eigen import symmetric_eigen

WHITENING_ROWS = 20_000  # ten times the 2,048 dimensions of the widest feature

FLOOR = 1e-3  # of the largest variance: directions quieter than that are noise and must not be amplified
SPREAD_FLOOR = 1e-2  # of the loudest direction in which views differ
SPANNED = 1e-9  # of the loudest variance: below, a direction is rounding error
IMAGES_PER_DIRECTION = 8
FEWEST_DIRECTIONS = 8


def directions_worth_keeping(asked: int, num_images: int) -> int:
    """Number of directions that `num_images` images support: at most `asked` (0 stands for no limit), at most an eighth of the images.

    As many directions as images would make all embeddings orthogonal to each other: every cosine near 0, and no neighbours at all.
    """
    supported = max(FEWEST_DIRECTIONS, num_images // IMAGES_PER_DIRECTION)
    return min(asked, supported) if asked else supported


class Principal(NamedTuple):
    """What a whitening is made from.

    Attributes:
        mean_F: `(F,)` float64.
        variance: of at least the directions that are kept, ascending.
        directions: `(F, …)` likewise, as columns.
    """

    mean_F: Tensor
    variance: Tensor
    directions: Tensor


class Whitening(nn.Module):
    """`(x − μ) V diag((λ + floor)^(−exponent))` over the loudest eigenpairs (λ, V) of the features' covariance.

    Args:
        dim_in: dimension F of the feature.
        dim_out: dimension D ≤ F of the embedding: how many directions are kept.

    Until it is fitted it passes the first D dimensions on unchanged. Exponent 0.5 is full whitening, 0 a plain principal component
    analysis.

    Source:
        PCA whitening for retrieval: Jégou & Chum, ECCV 2012, "Negative evidences and co-occurences in image retrieval".
    """

    mean: Tensor
    matrix: Tensor

    def __init__(self, dim_in: int, dim_out: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim_in))
        self.register_buffer("matrix", torch.eye(dim_in, dim_out))

    def forward(self, feature_BF: Tensor) -> Tensor:
        """`(B, F)` features to `(B, D)` whitened ones."""
        return (feature_BF.float() - self.mean) @ self.matrix

    @torch.no_grad()
    def fit(self, feature_NF: Tensor, exponent: float) -> None:
        """Fits mean and matrix.

        Args:
            feature_NF: `(N, F)` float features of training images; fewer than two change nothing.
            exponent: in [0, 1].
        """
        if len(feature_NF) >= 2:
            self.take(principal(feature_NF, self.matrix.shape[1]), exponent)

    @torch.no_grad()
    def take(self, found: Principal, exponent: float) -> None:
        """As `fit` does, of features whose principal directions are known; features that are all alike change nothing."""
        variance = found.variance.clamp(min=0)
        loudest = variance.max()
        if loudest <= 0:
            return
        scale = (variance / loudest + FLOOR) ** -exponent
        self.mean.copy_(found.mean_F)
        # eigh sorts ascending: the loudest come last
        self.matrix.copy_((found.directions * scale)[:, -self.matrix.shape[1] :].flip(1))


@torch.no_grad()
def principal(feature_NF: Tensor, kept: int) -> Principal:
    """Mean, variances and directions of two features or more, at least the `kept` loudest."""
    mean_F = feature_NF.mean(0, dtype=torch.float64)
    with one_thread():  # two, beside other work, waited for each other for ten times as long as it takes one
        found = _directions_of_few(feature_NF, mean_F, kept)
        return Principal(mean_F, *(symmetric_eigen(_covariance(feature_NF, mean_F)) if found is None else found))


def discount(embedding_ND: Tensor, spread_DD: Tensor) -> Tensor:
    """Embeddings rescaled so that the directions in which an image's own augmented views agree count most.

    Args:
        embedding_ND: `(N, D)` float32.
        spread_DD: `(D, D)` covariance of augmented views around their image's mean: what changes there says nothing about the content.

    Returns:
        `(N, D)` unit-norm rows, centred and divided by that spread; the quietest directions count as at least a hundredth of the loudest.

    Source:
        Within-class covariance normalisation, Hatch, Kajarekar & Stolcke, Interspeech 2006; each image's views are a class here, so that no
        label is needed.
    """
    variance, directions = symmetric_eigen(spread_DD.double())
    floor = SPREAD_FLOOR * variance[-1].clamp(min=1e-12)
    matrix = (directions * (variance.clamp(min=0) + floor).rsqrt()) @ directions.T
    return functional.normalize((embedding_ND - embedding_ND.mean(0)) @ matrix.float(), dim=1)


def _directions_of_few(feature_NF: Tensor, mean_F: Tensor, kept: int) -> tuple[Tensor, Tensor] | None:
    """At least the `kept` loudest variances and directions from the `(N, N)` products of the rows, at most half as many as dimensions.

    The products have the covariance's eigenvalues: of 270 features of 2,048 dimensions they are found in a hundredth of the time.
    Directions beyond those that the rows span have no variance; any that stand at right angles do, since all are scaled alike. `None`
    where there are more rows, or all are alike.
    """
    count, dim = feature_NF.shape
    if count > dim // 2:
        return None
    centred = feature_NF - mean_F
    variance, weights = symmetric_eigen(centred @ centred.T / (count - 1))
    spanned = int((variance > SPANNED * variance[-1]).sum())
    if not spanned:
        return None
    variance, weights = variance[-spanned:][-kept:], weights[:, -spanned:][:, -kept:]
    directions = functional.normalize(centred.T @ weights, dim=0)
    if kept <= spanned:
        return variance, directions
    empty = torch.linalg.qr(directions, mode="complete").Q[:, spanned:]
    return torch.cat([variance.new_zeros(dim - spanned), variance]), torch.cat([empty, directions], dim=1)


def _covariance(feature_NF: Tensor, mean_F: Tensor) -> Tensor:
    """`(F, F)` float64, summed over blocks of rows so that no second copy of the features is made."""
    total = torch.zeros(len(mean_F), len(mean_F), dtype=torch.float64)
    for block in feature_NF.split(4096):
        centred = (block - mean_F).float()
        total += centred.T @ centred
    return total / (len(feature_NF) - 1)


@torch.no_grad()
def whitened(whitening: Whitening, feature: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(N, D)` unit-norm embeddings of `(N, F)` float32 features."""
    return unit_rows(whitening(torch.from_numpy(feature)))


def unit_rows(feature: torch.Tensor) -> NDArray[np.float32]:
    """The rows scaled to unit norm."""
    unit: NDArray[np.float32] = functional.normalize(feature, dim=1).numpy()
    return unit
