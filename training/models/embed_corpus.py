"""Embeddings of a whole corpus, in the memory of a few images at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepare_corpus, prepared_batches
from samekind.data.types.preprocessing import preprocessing_of
from samekind.training.models.encoder import EMBED_BATCH, Encoder


def embed_corpus(encoder: Encoder, corpus: Corpus, progress: Progress | None = None) -> NDArray[np.float32]:
    """`(N, D)` float32 embeddings of unit norm. Files are decoded batch by batch; arrays, which are in memory anyway, at once.

    Args:
        encoder: makes them.
        corpus: the images.
        progress: shows a bar.

    Raises:
        ImageError: a file has become unreadable since the corpus was read.
    """
    preprocessing = preprocessing_of(encoder.spec)
    if corpus.native_array is not None:
        return encoder.embed(prepare_corpus(corpus, preprocessing, progress=progress), progress=progress)
    vectors = np.empty((len(corpus), encoder.dim), dtype=np.float32)
    with (progress or NoProgress()).task("embedding", len(corpus)) as task:
        for rows, pixels in prepared_batches(corpus, preprocessing, range(len(corpus)), EMBED_BATCH):
            vectors[rows] = encoder.embed(pixels)
            task.advance(len(rows))
    return vectors
