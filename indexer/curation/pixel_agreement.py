"""Agreement of the pixels of two small pictures.

# P pairs, B of them in a block, S side of a small picture, W its window, M margin, V positions of the window, F values of a window

It is the normalised correlation over small shifts and the mirror image: of the colours, which tells scenes apart, and of the slopes of the
brightness, which tells details apart. Nothing is trained and no label is read.

Source:
    Normalised cross-correlation: Lewis, Fast normalized cross-correlation, 1995.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from samekind.core.progress import NoProgress, Progress
from samekind.indexer.curation.small_pictures import MARGIN, SIDE

_LEAST_NORM = 1e-3  # of a window: a flat one matches nothing
_BLOCK = 2048


@torch.no_grad()
def pixel_agreement(
    pictures: NDArray[np.uint8], pair_P2: NDArray[np.int64], progress: Progress | None = None
) -> NDArray[np.float64]:
    """Agreement of the pixels of two pictures where they agree best: shifted by up to 2 of 16 pixels, or mirrored.

    Args:
        pictures: `(R, S, S, 3)` uint8.
        pair_P2: `(P, 2)` numbers of pictures.
        progress: shows a bar.

    Returns:
        `(P,)` float64 in [-1, 1]: mean of the normalised correlations of the colours and of the slopes, of the first one's middle with the
        best window of the second.
    """
    score_P = np.empty(len(pair_P2))
    with (progress or NoProgress()).task("Comparing pixels", len(pair_P2)) as task:
        for part in _blocks(len(pair_P2)):
            first, second = (torch.from_numpy(pictures[pair_P2[part, side]]) for side in (0, 1))
            score_P[part] = _best(first, second).double().clamp(-1, 1).numpy()
            task.advance(len(first))
    return score_P


@torch.no_grad()
def zoomed_agreement(
    pictures: NDArray[np.uint8],
    zoomed: NDArray[np.uint8],
    pair_P2: NDArray[np.int64],
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Agreement of the pixels of two pictures if one of them is a crop: of the middle of either with the best window of the other.

    Args:
        pictures: `(R, S, S, 3)` uint8.
        zoomed: `(R, Z, Z, 3)` uint8, the same at a larger side Z.
        pair_P2: `(P, 2)` numbers of pictures.
        progress: shows a bar.

    Returns:
        `(P,)` float64 in [-1, 1], as `pixel_agreement`.
    """
    score_P = np.empty(len(pair_P2))
    with (progress or NoProgress()).task("Comparing crops", len(pair_P2)) as task:
        for part in _blocks(len(pair_P2)):
            either = [
                _best(*(torch.from_numpy(rows[pair_P2[part, side]]) for rows, side in ((pictures, a), (zoomed, 1 - a))))
                for a in (0, 1)
            ]
            score_P[part] = torch.maximum(*either).double().clamp(-1, 1).numpy()
            task.advance(len(either[0]))
    return score_P


def _blocks(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))


def _best(fixed: Tensor, moving: Tensor) -> Tensor:
    """`(B,)` best agreement of the middle of `fixed`, as it is or mirrored, with any window of `moving`, which may be larger."""
    window = SIDE - 2 * MARGIN
    inner = slice(MARGIN, SIDE - MARGIN)
    agreement = []
    for picture in (fixed, fixed.flip(2)):
        total = torch.zeros(())
        for middle, places in zip(_channels(picture), _channels(moving), strict=True):
            template_B1F = _unit(middle[:, None, :, inner, inner])
            windows = places.unfold(2, window, 1).unfold(3, window, 1).permute(0, 2, 3, 1, 4, 5)
            places_BVF = _unit(windows.flatten(1, 2))
            total = total + (template_B1F @ places_BVF.transpose(1, 2))[:, 0] / 2
        agreement.append(total)
    return torch.cat(agreement, dim=1).amax(dim=1)


def _channels(pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Colours `(B, 3, S, S)` and the slopes of their mean, across and down, `(B, 2, S, S)`, float32."""
    colour = pictures.permute(0, 3, 1, 2).float() / 255
    grey = functional.pad(colour.mean(dim=1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = grey[:, :, 1:-1, 2:] - grey[:, :, 1:-1, :-2]
    down = grey[:, :, 2:, 1:-1] - grey[:, :, :-2, 1:-1]
    return colour, torch.cat([across, down], dim=1)


def _unit(windows: Tensor) -> Tensor:
    """`(B, V, F)` windows `(B, V, C, W, W)` without their channels' means and scaled to norm 1; a flat one stays near 0."""
    centred = (windows - windows.mean(dim=(-1, -2), keepdim=True)).flatten(2)
    norm: Tensor = centred.norm(dim=-1, keepdim=True)
    return centred / norm.clamp(min=_LEAST_NORM)
