"""Encoder input of all images of a run: in memory if that is little, otherwise prepared once into the cache and read from there.

The pixels are the same either way. What is read at random stays with the system, which keeps in memory what there is room for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version

import numpy as np

from samekind.core.progress import Progress
from samekind.core.text import counted
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepare_corpus, prepared_batches
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import PILLOW, Preprocessing
from samekind.data.types.rows import RowSource
from samekind.training.runtime.array_file import ArrayFile, fits_in_memory

_FORMAT = 2  # of our own way from an image to pixels
_IMAGES = 128  # between two marks of progress


def training_pixels(corpus: Corpus, preprocessing: Preprocessing, progress: Progress) -> RowSource:
    """Encoder input of a corpus; each row equals `prepare(corpus.image(i), preprocessing)`.

    Args:
        corpus: the images.
        preprocessing: size S, channels C, and the way there.
        progress: shows a bar, and says where the pixels are and how large if they go to disk.

    Returns:
        `(N, S, S, C)` uint8.

    Raises:
        ArtefactError: the disk is too full for them, or the limit of the cache too low.
        ImageError: a file has become unreadable since the corpus was read.
    """
    array = pixel_file(corpus, preprocessing)
    if fits_in_memory(array.shape, array.dtype):
        return prepare_corpus(corpus, preprocessing, progress=progress)

    def compute(start: int) -> Iterator[Pixels]:
        for _, pixels in prepared_batches(corpus, preprocessing, np.arange(start, len(corpus)), _IMAGES):
            yield pixels

    return array.rows(compute, "Preparing images", progress)


def pixel_file(corpus: Corpus, preprocessing: Preprocessing) -> ArrayFile:
    """Where the encoder input of a corpus is, or will be; named by the content of its images and by what makes pixels of them."""
    made_by = [_FORMAT, version("pillow")]
    settings = {name: value for name, value in asdict(preprocessing).items() if name != "crops"}  # always one here
    if preprocessing.resize == PILLOW:  # as files were named before there was another way
        del settings["resize"]
    digest = hashlib.sha256(json.dumps([settings, made_by], sort_keys=True).encode())
    for row in range(len(corpus)):
        digest.update(corpus.sha256(row).encode())
    digest.update(corpus.reading.key)
    size, channels = preprocessing.size, preprocessing.channels
    return ArrayFile(
        "pixels",
        digest.hexdigest()[:32],
        (len(corpus), size, size, channels),
        "uint8",
        f"pixels of {counted(len(corpus), 'image')} of {size} px",
        hint="take a smaller --image-size or a --limit",
    )
