"""Near copies by perceptual hash: the same picture saved again, in another size, format or quality.

# N images

The hash is the sign of the lowest 63 frequencies of a grey picture of 32 × 32 pixels. Two pictures are near copies if their hashes differ
in few bits, and their 16 × 16 colours differ little: a hash knows no colour. What joins copies joins copies of copies.

Source:
    The DCT hash: Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.prepared import batches_ahead

MOST_BITS = 6
"""Bits in which the hashes of near copies differ at most."""
MOST_COLOUR = 12.0
"""Root mean square difference of the colours of near copies at most, of 255."""
LEAST_CONTRAST = 4.0
"""Standard deviation of a picture's grey, of 255, below which its hash is noise; such pictures have exact copies only."""
_SIDE, _KEPT, _COLOURS = 32, 8, 16
_BATCH = 256
_BANDS, _BAND_BITS = MOST_BITS + 1, 63 // (MOST_BITS + 1)


def near_copies(corpus: Corpus, content_N: NDArray[np.int64], progress: Progress) -> NDArray[np.int64]:
    """Joins near copies, directly or through others.

    Args:
        corpus: N images.
        content_N: `(N,)` numbers, equal for equal content; these stay together.
        progress: shows a bar.

    Returns:
        `(N,)` numbers, equal for copies.

    Raises:
        ImageError: a file has become unreadable since the corpus was read.
    """
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    first_U, of_N = np.unique(content_N, return_index=True, return_inverse=True)[1:]
    hash_U, colour_U, flat_U = _described(corpus, first_U, progress)
    pairs = [pair_P2[_same_colours(colour_U, pair_P2)] for pair_P2 in _alike(hash_U, np.flatnonzero(~flat_U))]
    pair_P2 = np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])
    joined = csr_matrix((np.ones(len(pair_P2), dtype=np.int8), (pair_P2[:, 0], pair_P2[:, 1])), (len(first_U),) * 2)
    group_U = connected_components(joined, directed=False)[1]
    return np.asarray(group_U[of_N], dtype=np.int64)


def perceptual_hash(picture: Image.Image) -> int:
    """The 64-bit hash of a picture; its lowest bit, of the mean, is 0."""
    frequencies = (_COSINES @ _grey(picture) @ _COSINES.T).reshape(-1)
    signs = frequencies > np.median(frequencies[1:])
    signs[0] = False
    return int.from_bytes(np.packbits(signs, bitorder="little").tobytes(), "little")


def _described(
    corpus: Corpus, row_U: NDArray[np.int64], progress: Progress
) -> tuple[NDArray[np.uint64], NDArray[np.uint8], NDArray[np.bool_]]:
    """Hashes, small colour pictures, and which are too flat to be hashed."""

    def one(row: int) -> tuple[int, NDArray[np.uint8], bool]:
        picture = corpus.image(row).convert("RGB")
        colours = np.asarray(picture.resize((_COLOURS, _COLOURS), Image.Resampling.BOX))
        return perceptual_hash(picture), colours, bool(_grey(picture).std() < LEAST_CONTRAST)

    hash_U = np.empty(len(row_U), dtype=np.uint64)
    colour_U = np.empty((len(row_U), _COLOURS, _COLOURS, 3), dtype=np.uint8)
    flat_U = np.empty(len(row_U), dtype=np.bool_)
    with progress.task("Hashing pictures", len(row_U)) as task:
        start = 0
        for batch, described in batches_ahead(one, row_U, _BATCH):
            for place, (hashed, colours, flat) in enumerate(described, start):
                hash_U[place], colour_U[place], flat_U[place] = hashed, colours, flat
            start += len(batch)
            task.advance(len(batch))
    return hash_U, colour_U, flat_U


def _alike(hash_U: NDArray[np.uint64], row_R: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """`(P, 2)` pairs of rows whose hashes differ in few bits. Such two agree in at least one band, so only these are compared."""
    for band in range(_BANDS):
        key_R = (hash_U[row_R] >> np.uint64(1 + band * _BAND_BITS)) & np.uint64((1 << _BAND_BITS) - 1)
        order = np.argsort(key_R, kind="stable")
        bounds = np.flatnonzero(np.diff(key_R[order])) + 1
        for bucket in np.split(row_R[order], bounds):
            for place, row in enumerate(bucket[:-1].tolist()):
                rest = bucket[place + 1 :]
                near = rest[_bits(hash_U[rest] ^ hash_U[row]) <= MOST_BITS]
                if len(near):
                    yield np.stack([np.full(len(near), row), near], axis=1)


def _same_colours(colour_U: NDArray[np.uint8], pair_P2: NDArray[np.int64]) -> NDArray[np.bool_]:
    first, second = (colour_U[pair_P2[:, side]].astype(np.float32) for side in (0, 1))
    return np.asarray(np.sqrt(((first - second) ** 2).mean(axis=(1, 2, 3))) <= MOST_COLOUR)


def _bits(value_N: NDArray[np.uint64]) -> NDArray[np.int64]:
    """`(N,)` number of ones in each."""
    return np.asarray(np.unpackbits(value_N[:, None].view(np.uint8), axis=1).sum(axis=1), dtype=np.int64)


def _grey(picture: Image.Image) -> NDArray[np.float64]:
    return np.asarray(picture.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX), dtype=np.float64)


def _cosines() -> NDArray[np.float64]:
    """`(8, 32)` the first rows of the discrete cosine transform."""
    place = np.arange(_SIDE) + 0.5
    return np.cos(np.pi / _SIDE * np.arange(_KEPT)[:, None] * place[None, :])


_COSINES = _cosines()
