"""Encoder input for a whole corpus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.decode import check_shape, prepare, worker_threads
from samekind.data.types.images import Pixels

_CHUNK = 512


def prepare_corpus(
    corpus: Corpus,
    size: int,
    channels: int,
    indices: Sequence[int] | NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> Pixels:
    """Encoder input for a corpus or some of its rows; each row equals `prepare(corpus.image(i), size, channels)`.

    Args:
        corpus: what to prepare.
        size: side in pixels.
        channels: 1 or 3.
        indices: rows, in the order wanted; all if left out.
        progress: shows a bar while files are decoded.

    Returns:
        `(N, size, size, channels)` uint8, a new array.

    Raises:
        ImageError: a file has become unreadable since the corpus was read.
        InputError: `size` or `channels` is out of range.
    """
    check_shape(size, channels)
    rows = range(len(corpus)) if indices is None else [int(i) for i in indices]
    native = corpus.native_array
    if native is not None and native.shape[1:3] == (size, size) and not (native.ndim == 4 and channels == 1):
        chosen = native.reshape(len(native), size, size, -1)
        chosen = chosen.copy() if indices is None else chosen[np.asarray(rows, dtype=np.int64)]
        return chosen if chosen.shape[3] == channels else np.repeat(chosen, channels, axis=3)
    out = np.empty((len(rows), size, size, channels), dtype=np.uint8)
    threads = 1 if native is not None else worker_threads()  # small arrays cost less to resize than to hand to a thread
    return _prepare_each(lambda i: prepare(corpus.image(i), size, channels), rows, out, threads, progress)


def _prepare_each(
    one: Callable[[int], Pixels], rows: Sequence[int], out: Pixels, threads: int, progress: Progress | None
) -> Pixels:
    """Fills `out` with `one` of each row, in threads where that pays: Pillow releases the interpreter lock while it decodes."""
    with (
        ThreadPoolExecutor(threads) as pool,
        (progress or NoProgress()).task("Preparing images", len(rows)) as task,
    ):
        for start in range(
            0, len(rows), _CHUNK
        ):  # in chunks, so that an error or Ctrl-C does not wait for the whole corpus
            chunk = rows[start : start + _CHUNK]
            for offset, pixels in enumerate(pool.map(one, chunk) if threads > 1 else map(one, chunk)):
                out[start + offset] = pixels
            task.advance(len(chunk))
    return out
