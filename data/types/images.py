"""One image of a corpus: its location and its content hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


NO_IMAGE = "not an image file"
"""How the reason begins for files that are no images by their names."""


@dataclass(frozen=True)
class SkippedFile:
    """A file that was left out of a corpus, with the reason."""

    path: str
    reason: str


@dataclass(frozen=True)
class Cell:
    """Place of an encoded image in a Parquet file: a row of one of its groups of rows, and the column."""

    file: Path
    group: int
    row: int
    column: str


@dataclass(frozen=True)
class ImageReference:
    """Location of one image: a file, a cell of a Parquet file, or a row of an array that is already in memory.

    Attributes:
        uri: display name (a path, or `fashion-mnist://train/00005`).
        path: the file, or `None` for a cell or an array row.
        pixels: `(H, W)` or `(H, W, 3)` uint8, or `None` for what is encoded.
        sha256: hex digest of the encoded bytes, or of shape and pixels.
        grey: True if the image has no colour.
        frame: number of the picture in a file of several, from 1, where each is an image; `sha256` counts it in, `uri` ends in `#3`.
        cell: where it is one of a Parquet file.
        address: of the file in an object store that `path` is a copy of; who does not have the copy reads there.
    """

    uri: str
    sha256: str
    grey: bool
    path: Path | None = None
    pixels: Pixels | None = None
    frame: int | None = None
    cell: Cell | None = None
    address: str | None = None


def pixels_sha256(pixels: Pixels) -> str:
    """Hex digest of an image array: its shape and its bytes."""
    return hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def is_grey(pixels: Pixels) -> bool:
    """True if the three channels of an `(H, W[, 3])` array are equal everywhere."""
    if pixels.ndim == 2:
        return True
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
