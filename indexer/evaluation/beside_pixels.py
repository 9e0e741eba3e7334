"""An encoder beside raw pixels: how often the nearest image is of the same class, in either space.

Needs no training, no split and a second, so that a page can warn of an encoder that has learned nothing that pixels did not say.
"""

# N images of the sample, P pixel values

from __future__ import annotations

import io
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.core.progress import NoProgress, Progress
from samekind.data.types.same_class import same_labels

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

SIDE = 16
_SEED = 0


class BesidePixels(NamedTuple):
    """Shares of a sample whose nearest other image in it is of the same class, in [0, 1].

    Attributes:
        num_images: of the sample.
        encoder: nearest by the encoder's vectors.
        pixels: nearest by the cosine of grey thumbnails of 16 × 16 pixels, their mean brightness taken out.
    """

    num_images: int
    encoder: float
    pixels: float


def beside_pixels(index: OpenedIndex, count: int = 500, progress: Progress | None = None) -> BesidePixels | None:
    """Compares the encoder of an index with raw pixels, on a seeded sample of its labelled images.

    Args:
        index: the opened index.
        count: images of the sample, at least 2; copies of an image are no neighbours of it.
        progress: shows a bar.

    Returns:
        The shares; `None` without labels, of fewer than two pictures, and where the index holds none.
    """
    rows = np.array([row for row, label in enumerate(index.labels or []) if label is not None], dtype=np.int64)
    if len(rows) > count:
        rows = np.sort(np.random.default_rng(_SEED).choice(rows, count, replace=False))
    if len(rows) < 2:
        return None
    pixel_NP = _pixels(index, rows, progress or NoProgress())
    # Vectors were given, and one grey picture stands for all of them; or all are copies of one picture, which have no neighbour.
    if not np.ptp(pixel_NP, axis=0).any():
        return None
    return BesidePixels(
        len(rows), _share(index, rows, index.vectors(rows).astype(np.float32)), _share(index, rows, pixel_NP)
    )


def _pixels(index: OpenedIndex, rows: NDArray[np.int64], progress: Progress) -> NDArray[np.float32]:
    ids, found = index.ids, []
    with progress.task("Comparing with raw pixels", len(rows)) as task:
        for encoded in index.thumbnails([ids[row] for row in rows]):
            grey = Image.open(io.BytesIO(encoded)).convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
            found.append(np.asarray(grey, dtype=np.float32).ravel())
            task.advance()
    pixel_NP = np.stack(found)
    pixel_NP -= pixel_NP.mean(axis=1, keepdims=True)
    return np.asarray(pixel_NP / np.maximum(np.linalg.norm(pixel_NP, axis=1, keepdims=True), 1e-6))


def _share(index: OpenedIndex, rows: NDArray[np.int64], vector_ND: NDArray[np.float32]) -> float:
    labels, content_N = index.labels or [], index.rows.numbered("sha256")[rows]
    similarity_NN = vector_ND @ vector_ND.T
    similarity_NN[content_N[:, None] == content_N[None, :]] = -np.inf
    same = [
        same_labels(labels[a], labels[rows[b]], index.label_rule)
        for a, b in zip(rows, similarity_NN.argmax(axis=1), strict=True)
    ]
    return float(np.mean([bool(each) for each in same]))
