"""Corpus rows to table rows: decode once, then thumbnail, size and embedding.

The vectors of a batched convolution depend in their last bits on the batch they were computed in. Chunks are therefore cut from the plan
at fixed places, so that a build that was interrupted gives the very same bits as one that was not. (But for images that the whitening of
a pretrained encoder saw before: after an interruption they are embedded in other batches, and differ in those bits. So do fewer than 16
images that `lite0` has left over: they run in torch where no session of onnxruntime is there yet.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samekind.core.errors import ImageError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.decode import prepare, thumbnail, worker_threads
from samekind.data.prepared import batches_ahead
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.building.forecast import Forecast
from samekind.indexer.building.given_vectors import GivenVectors
from samekind.indexer.search.unit_vectors import check_unit
from samekind.indexer.storage.table import table_schema
from samekind.training.models.image_encoder import ImageEncoder

CHUNK = 4096
_BATCH = 512
_SOME = 64  # of a library's backbone, between two moves of the bar
_CHUNK_BYTES = 256 << 20


class ImageSpec(Protocol):
    """The part of an encoder's spec that says what images it takes."""

    @property
    def image_size(self) -> int:
        """Pixels a side."""

    @property
    def channels(self) -> int:
        """1 or 3."""


@dataclass(frozen=True)
class Loaded:
    """One image as it goes into the table, before its embedding; `failure` says why there is none.

    One that a remembering encoder has seen has its `(F,)` feature in place of the pixels.
    """

    pixels: Pixels
    width: int
    height: int
    thumbnail: bytes
    failure: str = ""
    feature: NDArray[np.float32] | None = None


@runtime_checkable
class Remembering(Protocol):
    """What an encoder can do that has seen some of the images before."""

    forecast: Forecast
    """Of all images, those that it has seen counted."""

    def recall(self, content: str) -> Loaded | None:
        """The image whose file has that SHA-256, if it has been seen."""

    def embed_loaded(self, images: Sequence[Loaded]) -> NDArray[np.float32]:
        """`(N, D)` float32 of unit norm."""


def chunk_size(spec: ImageSpec) -> int:
    """Rows a chunk: 4,096, fewer for large images so that a chunk's pixels fit in 256 MiB; a multiple of the batch."""
    image_bytes = math.prod(preprocessing_of(spec).shape)
    return int(np.clip(_CHUNK_BYTES // image_bytes // _BATCH * _BATCH, _BATCH, CHUNK))


def embed_chunks(
    corpus: Corpus, encoder: ImageEncoder, wanted: Sequence[tuple[int, str]], key: str, start: int, progress: Progress
) -> Iterator[Any]:
    """Rows for the table, chunk by chunk.

    Args:
        corpus: the images.
        encoder: makes the vectors.
        wanted: (corpus row, id) of each row to make.
        key: the corpus' name in the table.
        start: number of chunks to leave out because they are in the table already.
        progress: shows a bar; images that cannot be read are named above it.

    Yields:
        Arrow tables of `table.table_schema`, at most `chunk_size` rows, without the images that cannot be read.

    Raises:
        InputError: the encoder gives vectors that are not of unit norm.
    """
    size, threads, at_once = chunk_size(encoder.spec), _threads(corpus), _at_once(encoder)
    chunks = [wanted[i : i + size] for i in range(0, len(wanted), size)]
    left = sum(map(len, chunks[start:]))
    forecast = encoder.forecast if isinstance(encoder, Remembering) else Forecast(left, progress)
    forecast.start()
    with progress.task("Indexing images", len(wanted)) as task:
        task.advance(len(wanted) - left)
        for chunk in chunks[start:]:
            load = partial(_recalled, corpus, encoder, chunk)
            parts = []
            for places, loaded in batches_ahead(load, range(len(chunk)), at_once, threads):
                forecast.decoded()
                some = chunk[places[0] : places[-1] + 1]
                parts.append(_rows(corpus, encoder, key, some, loaded, progress))
                task.advance(len(some))
                forecast.advance(sum(image.feature is None for image in loaded))
            yield pa.concat_tables(parts).combine_chunks()


def _at_once(encoder: ImageEncoder) -> int:
    """Images between two moves of the bar: as many as a library's backbone takes a second or two for.

    What is ours keeps its batches, and with them the last bits of its vectors.
    """
    return min(_BATCH, _SOME) if "/" in str(getattr(encoder.spec, "backbone", "")) else _BATCH


def reused_rows(corpus: Corpus, wanted: Sequence[tuple[int, str]], key: str, old: Any) -> Any:
    """Rows that take vector, thumbnail and size from `old`, and everything else from the corpus."""
    fresh = _columns(corpus, wanted, key)
    kept = {name: old[name] for name in ("width", "height", "thumbnail", "vector")}
    return pa.table({**fresh, **kept}).select(table_schema(1).names)


def _rows(
    corpus: Corpus,
    encoder: ImageEncoder,
    key: str,
    chunk: Sequence[tuple[int, str]],
    loaded: list[Loaded],
    progress: Progress,
) -> Any:
    for (i, _), image in zip(chunk, loaded, strict=True):
        if image.failure:
            progress.print(f"left out {corpus.uri(i)}: {image.failure}")
    good = [(row, image) for row, image in zip(chunk, loaded, strict=True) if not image.failure]
    vectors = np.empty((0, encoder.dim), dtype=np.float32)
    if good:
        vectors = _vectors(corpus, encoder, good)
        check_unit(vectors)
    columns = {
        **_columns(corpus, [row for row, _ in good], key),
        "width": pa.array([image.width for _, image in good], pa.int32()),
        "height": pa.array([image.height for _, image in good], pa.int32()),
        "thumbnail": pa.array([image.thumbnail for _, image in good], pa.binary()),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), encoder.dim),
    }
    return pa.table(columns).select(table_schema(1).names)


def _vectors(
    corpus: Corpus, encoder: ImageEncoder, rows: Sequence[tuple[tuple[int, str], Loaded]]
) -> NDArray[np.float32]:
    """`(N, D)` float32, made from the pixels, by features that are remembered, or given."""
    if isinstance(encoder, GivenVectors):
        return encoder.of([corpus.ids[i] for (i, _), _ in rows])
    if isinstance(encoder, Remembering):
        return encoder.embed_loaded([image for _, image in rows])
    return encoder.embed(np.stack([image.pixels for _, image in rows]))


def _columns(corpus: Corpus, wanted: Sequence[tuple[int, str]], key: str) -> dict[str, Any]:
    rows = [i for i, _ in wanted]
    texts: dict[str, list[str | None]] = {
        "id": [id_ for _, id_ in wanted],
        "uri": [corpus.uri(i) for i in rows],
        "split": [corpus.splits[i] for i in rows],
        "label": [None if corpus.labels is None else corpus.labels[i] for i in rows],
        "sha256": [corpus.sha256(i) for i in rows],
        "corpus": [key] * len(rows),
    }
    return {name: pa.array(values, pa.string()) for name, values in texts.items()}


def _recalled(corpus: Corpus, encoder: ImageEncoder, chunk: Sequence[tuple[int, str]], place: int) -> Loaded:
    row, _ = chunk[place]
    seen = encoder.recall(corpus.sha256(row)) if isinstance(encoder, Remembering) else None
    return seen or load_image(corpus, encoder.spec, row)


def load_image(corpus: Corpus, spec: ImageSpec, row: int) -> Loaded:
    """One image of a corpus, decoded and prepared as the encoder of that spec wants it."""
    try:
        image = corpus.image(row)
    except ImageError as error:
        return Loaded(np.empty(0, np.uint8), 0, 0, b"", failure=str(error).removeprefix(f"{corpus.uri(row)}: "))
    return Loaded(prepare(image, preprocessing_of(spec)), image.width, image.height, thumbnail(image))


def _threads(corpus: Corpus) -> int:
    """Small arrays cost less to encode than to hand to many threads."""
    return 2 if corpus.references and corpus.references[0].pixels is not None else worker_threads()
