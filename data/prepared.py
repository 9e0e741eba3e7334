"""Encoder input for a whole corpus."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus
from samekind.data.decode import prepare, worker_threads
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import Preprocessing

Result = TypeVar("Result")

_CHUNK = 512
_BATCHES_AHEAD = 2


def prepare_corpus(
    corpus: Corpus,
    preprocessing: Preprocessing,
    indices: Sequence[int] | NDArray[np.int64] | None = None,
    progress: Progress | None = None,
) -> Pixels:
    """Encoder input for a corpus or some of its rows; each row equals `prepare(corpus.image(i), preprocessing)`.

    Args:
        corpus: what to prepare.
        preprocessing: size S, channels C, and the way there.
        indices: rows, in the order wanted; all if left out.
        progress: shows a bar while files are decoded.

    Returns:
        `(N, S, S, C)` uint8, or `(N, 2, S, S, C)` for two crops, a new array.

    Raises:
        ImageError: a file has become unreadable since the corpus was read.
    """
    size, channels = preprocessing.size, preprocessing.channels
    rows = range(len(corpus)) if indices is None else [int(i) for i in indices]
    native = corpus.native_array
    if _is_prepared(native, preprocessing):
        chosen = native.reshape(len(native), size, size, -1)
        chosen = chosen.copy() if indices is None else chosen[np.asarray(rows, dtype=np.int64)]
        return chosen if chosen.shape[3] == channels else np.repeat(chosen, channels, axis=3)
    out = np.empty((len(rows), *preprocessing.shape), dtype=np.uint8)
    threads = 1 if native is not None else worker_threads()  # small arrays cost less to resize than to hand to a thread
    return _prepare_each(lambda i: prepare(corpus.image(i), preprocessing), rows, out, threads, progress)


def _is_prepared(native: Pixels | None, preprocessing: Preprocessing) -> TypeGuard[Pixels]:
    """True if the corpus' own arrays are encoder input but for their channel axis."""
    if (
        native is None
        or preprocessing.crop
        or preprocessing.crops > 1
        or native.shape[1:3] != (preprocessing.size, preprocessing.size)
    ):
        return False
    return native.ndim == 3 or preprocessing.channels == 3


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


def prepared_batches(
    corpus: Corpus, preprocessing: Preprocessing, rows: Sequence[int] | NDArray[np.int64], batch_size: int
) -> Iterator[tuple[NDArray[np.int64], Pixels]]:
    """Encoder input for some rows of a corpus, a batch at a time; the next batches are decoded meanwhile, in threads.

    Args:
        corpus: what to prepare.
        preprocessing: size S, channels C, and the way there.
        rows: in the order wanted.
        batch_size: images a batch.

    Yields:
        Rows and their `(B, S, S, C)` or `(B, 2, S, S, C)` uint8.

    Raises:
        ImageError: an image has become unreadable since the corpus was read.
    """
    for batch, images in batches_ahead(lambda row: prepare(corpus.image(row), preprocessing), rows, batch_size):
        yield batch, np.stack(images)


def batches_ahead(
    one: Callable[[int], Result],
    rows: Sequence[int] | NDArray[np.int64],
    batch_size: int,
    threads: int | None = None,
) -> Iterator[tuple[NDArray[np.int64], list[Result]]]:
    """`one` of each row, a batch at a time in the order of the rows; the next batches are worked on meanwhile, in threads (as many as
    decoding deserves if left out).
    """
    chosen = np.asarray(rows, dtype=np.int64)
    batches = deque(chosen[start : start + batch_size] for start in range(0, len(chosen), batch_size))
    ahead: deque[tuple[NDArray[np.int64], list[Future[Result]]]] = deque()
    with ThreadPoolExecutor(threads or worker_threads()) as pool:
        try:
            while batches or ahead:
                while batches and len(ahead) < _BATCHES_AHEAD:
                    batch = batches.popleft()
                    ahead.append((batch, [pool.submit(one, int(row)) for row in batch]))
                batch, futures = ahead.popleft()
                yield batch, [future.result() for future in futures]
        finally:  # an error or Ctrl-C waits for the images that are being decoded, and not for a thousand more
            pool.shutdown(cancel_futures=True)
