"""Corpus rows to table rows: decode once, then thumbnail, size and embedding.

The vectors of a batched convolution depend in their last bits on the batch they were computed in. Chunks are therefore cut from the plan
at fixed places, so that a build that was interrupted gives the very same bits as one that was not. (But for images that the whitening of
a pretrained encoder saw before: after an interruption they are embedded in other batches, and differ in those bits. So do fewer than 16
images that `lite0` has left over: they run in torch where no session of onnxruntime is there yet.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.building.engines.engine import Engine, ImageSpec, Loaded, Remembering
from samekind.indexer.building.forecast import Forecast
from samekind.indexer.building.given_vectors import GivenVectors
from samekind.indexer.search.unit_vectors import check_unit
from samekind.indexer.storage.table import table_schema
from samekind.training.models.image_encoder import ImageEncoder

CHUNK = 4096
_BATCH = 512
_SOME = 64  # of a library's backbone, between two moves of the bar
_CHUNK_BYTES = 256 << 20


def chunk_size(spec: ImageSpec) -> int:
    """Rows a chunk: 4,096, fewer for large images so that a chunk's pixels fit in 256 MiB; a multiple of the batch."""
    image_bytes = math.prod(preprocessing_of(spec).shape)
    return int(np.clip(_CHUNK_BYTES // image_bytes // _BATCH * _BATCH, _BATCH, CHUNK))


def embed_chunks(
    corpus: Corpus,
    encoder: ImageEncoder,
    wanted: Sequence[tuple[int, str]],
    key: str,
    start: int,
    progress: Progress,
    engine: Engine,
) -> Iterator[Any]:
    """Rows for the table, chunk by chunk.

    Args:
        corpus: the images.
        encoder: makes the vectors.
        wanted: (corpus row, id) of each row to make.
        key: the corpus' name in the table.
        start: number of chunks to leave out because they are in the table already.
        progress: shows a bar; images that cannot be read are named above it.
        engine: looks at the images.

    Yields:
        Arrow tables of `table.table_schema`, at most `chunk_size` rows, without the images that cannot be read.

    Raises:
        InputError: the encoder gives vectors that are not of unit norm.
    """
    size, at_once = chunk_size(encoder.spec), _at_once(encoder)
    assert size % at_once == 0  # so that no chunk ends within what is looked at together
    chunks = [wanted[i : i + size] for i in range(0, len(wanted), size)]
    rows = [row for chunk in chunks[start:] for row, _ in chunk]
    forecast = encoder.forecast if isinstance(encoder, Remembering) else Forecast(len(rows), progress)
    forecast.start()
    with progress.task("Indexing images", len(wanted)) as task:
        task.advance(len(wanted) - len(rows))
        looked_at = engine.look_at(corpus, encoder, rows, at_once, recall=True)
        for chunk in chunks[start:]:
            parts = []
            for some in (chunk[i : i + at_once] for i in range(0, len(chunk), at_once)):
                loaded = next(looked_at)
                forecast.decoded()
                parts.append(_rows(corpus, encoder, key, some, loaded, progress))
                task.advance(len(some))
                forecast.advance(sum(image.has_pixels for image in loaded))
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
    """`(N, D)` float32, made from the pixels here or elsewhere, by features that are remembered, or given."""
    if isinstance(encoder, GivenVectors):
        return encoder.of([corpus.ids[i] for (i, _), _ in rows])
    if isinstance(encoder, Remembering):
        return encoder.embed_loaded([image for _, image in rows])
    made = [image.vector for _, image in rows if image.vector is not None]
    return np.stack(made) if made else encoder.embed(np.stack([image.pixels for _, image in rows]))


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
