"""The k nearest neighbours of every image as a file: a graph for other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from samekind.core.errors import ArtefactError, InputError
from samekind.core.files import atomic_path
from samekind.core.progress import NoProgress, Progress
from samekind.indexer.search.results import check_k
from samekind.training.runtime.artefact import check_file_writable

if TYPE_CHECKING:
    from samekind.indexer.search.searchable import SearchableIndex

_AT_ONCE = 1024
_SCHEMA = [("id", pa.string()), ("neighbour", pa.string()), ("rank", pa.int32()), ("similarity", pa.float32())]


def write_neighbour_graph(index: SearchableIndex, file: Path, k: int, progress: Progress | None = None) -> int:
    """Writes Parquet with a row for each image and each of its k nearest others: `id`, `neighbour`, `rank` from 1, `similarity`.

    Images come in table order, neighbours nearest first; the similarity is the cosine in the encoder's own space.

    Args:
        index: whose images.
        file: the Parquet file.
        k: neighbours an image, ≥ 1; all others if there are no more.
        progress: shows a bar.

    Returns:
        The number of rows written.

    Raises:
        InputError: k is less than 1, or the file is none of Parquet.
        ArtefactError: the file cannot be written.
    """
    import pyarrow.parquet as pq

    k = min(check_k(k), len(index) - 1)
    if file.suffix != ".parquet":
        raise InputError(f"{file}: the graph of neighbours is a .parquet file", hint="name a file that ends so")
    check_file_writable(file)
    about = {"samekind": json.dumps({"encoder": index.manifest["encoder"], "k": k, "metric": "cosine"})}
    schema, ids = pa.schema(_SCHEMA, about), np.array(index.ids, dtype=object)
    try:
        with (
            (progress or NoProgress()).task("Finding neighbours", len(index)) as task,
            atomic_path(file) as temporary,
            pq.ParquetWriter(temporary, schema) as writer,
        ):
            for start in range(0, len(index), _AT_ONCE):
                own = np.arange(start, min(start + _AT_ONCE, len(index)))
                found = index.vector_index.search(index.vectors(own), k + 1)
                keep = [np.flatnonzero(rows != row)[:k] for row, (_, rows) in zip(own, found, strict=True)]
                rows = np.concatenate([near[kept] for (_, near), kept in zip(found, keep, strict=True)])
                similarity = np.concatenate([values[kept] for (values, _), kept in zip(found, keep, strict=True)])
                ranks = np.concatenate([np.arange(1, len(kept) + 1) for kept in keep])
                columns = [ids[np.repeat(own, [len(kept) for kept in keep])], ids[rows], ranks, similarity]
                arrays = [pa.array(values, kind) for values, (_, kind) in zip(columns, _SCHEMA, strict=True)]
                writer.write_table(pa.table(arrays, schema=schema))
                task.advance(len(own))
    except OSError as error:
        raise ArtefactError(
            f"cannot write {file}: {error.strerror or error}", hint="check permissions and free space"
        ) from error
    return k * len(index)
