"""Contrastive predictive coding on an image: which patches a prediction sees, and which one it is about.

# B images, S pixels a side, G patches a side
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.training.models.patches import patch_geometry
from samekind.training.objectives.cpc import STEPS

Cell = tuple[int, int]
"""Row and column of a patch, from 0."""

_ROWS_BACK, _COLUMNS_ASIDE = 6, 3


@dataclass(frozen=True)
class PatchGrid:
    """The grid of overlapping patches that the backbone `patches-small` cuts out of an image.

    Attributes:
        image_size: S.
        patch, stride: pixels a side, and from one patch to the next.
        size: G.
    """

    image_size: int
    patch: int
    stride: int
    size: int

    @classmethod
    def of(cls, image_size: int) -> PatchGrid:
        """The grid of images of S pixels, as training cuts it where patches come out even.

        Raises:
            InputError: S leaves part of an image over.
        """
        patch, stride = patch_geometry(image_size)
        if image_size < patch or (image_size - patch) % stride:
            raise InputError(
                f"patches of {patch} px every {stride} px do not fill {image_size} px", hint="take 32 or 64"
            )
        return cls(image_size, patch, stride, (image_size - patch) // stride + 1)

    def context(self, row: int, column: int) -> set[Cell]:
        """Patches that the context `masked_conv` of a cell has seen: its row and up to six above, three columns to each side."""
        return {
            (r, c)
            for r in range(max(0, row - _ROWS_BACK), row + 1)
            for c in range(max(0, column - _COLUMNS_ASIDE), min(self.size, column + _COLUMNS_ASIDE + 1))
        }

    def target(self, row: int, column: int, step: int) -> Cell | None:
        """The patch that W_k predicts from a cell's context: k rows below in the same column; `None` below the image."""
        return (row + step, column) if row + step < self.size else None

    def num_predictions(self, steps: int = STEPS) -> int:
        """Predictions that one image allows with k = 1 … `steps`: (G − k) · G for each k."""
        return sum((self.size - k) * self.size for k in range(1, steps + 1) if k < self.size)

    def pixels(self, images_BSS: NDArray[np.float64], row: int, column: int) -> NDArray[np.float64]:
        """`(B, P²)` values of one patch of every image, `(B, S, S)`."""
        top, left = row * self.stride, column * self.stride
        return images_BSS[:, top : top + self.patch, left : left + self.patch].reshape(len(images_BSS), -1)


def patch_hits(images_BSS: NDArray[np.float64], grid: PatchGrid, step: int) -> float:
    """How often the right patch k rows below is picked among those of B images, by nothing but how alike the pixels are.

    The score is the correlation between the patch of the context's cell and a candidate: no network, nothing learned. Chance is 1 / B.

    Args:
        images_BSS: `(B, S, S)` grey values, B ≥ 1.
        grid: of these images.
        step: k in 1 … G − 1.

    Returns:
        Share of hits over all images and all places of the grid that have a patch k rows below, in [0, 1]; of a tie an equal part.
    """
    shares = []
    for row in range(grid.size - step):
        for column in range(grid.size):
            above = _standardised(grid.pixels(images_BSS, row, column))
            below = _standardised(grid.pixels(images_BSS, row + step, column))
            score = np.round(above @ below.T, 12)
            best = score == score.max(axis=1, keepdims=True)
            shares.append(float((np.diagonal(best) / best.sum(axis=1)).mean()))
    return float(np.mean(shares))


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = values - values.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0))
