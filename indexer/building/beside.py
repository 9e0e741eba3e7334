"""Whether an index file is built anew, or what has changed since lies beside it.

From `FEWEST` rows on, up to a twentieth of them may have changed beside the file (`indexer.search.state.delta`), and 10,000 at most: a
search compares added rows one by one. An adaptation is mapped as a whole all the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.indexer.search.state.delta import ChangedIndex, Delta
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.checks import check_index_file, check_rows_file
from samekind.indexer.storage.layout import DELTA_FILE, ROWS_FILE
from samekind.indexer.storage.manifest import Manifest, index_name
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable

FEWEST = 20_000
"""Rows of an index file that is large enough to be kept; a smaller one is built in a second."""
MOST_CHANGES, MOST_SHARE = 10_000, 0.05


def changed_index(
    folder: Path, encoder: str, rows: Rows, table: ImageTable, progress: Progress
) -> tuple[ChangedIndex, Delta] | None:
    """The index file that is there, with what has changed since; `None` if it has to be built anew.

    Args:
        folder: the artefact, whose manifest still is that of the state before.
        encoder: fingerprint of the encoder of the vectors.
        rows: of the table now.
        table: the table now.
        progress: is told why.
    """
    try:
        manifest = Manifest.read(folder)
        check_index_file(folder, manifest)
        check_rows_file(folder, manifest)
        if manifest.encoder != encoder or manifest.dim != table.dim:
            return None
        built = VectorIndex.load(folder / index_name(manifest), manifest.ann_recall_at_10)
        before = Delta.read(folder / DELTA_FILE) if manifest.delta is not None else _none(table.dim)
        old = Rows.read(folder / ROWS_FILE)
    except ArtefactError:  # it is that of a rebuilt table, or damaged
        return None
    if len(built) < FEWEST:
        return None
    in_file = np.delete(np.arange(len(built)), before.removed_R)
    kept = _kept(old, len(in_file), rows)
    removed = np.setdiff1d(np.arange(len(built)), in_file[kept])
    changes, most = len(removed) + len(rows) - len(kept), min(MOST_CHANGES, int(MOST_SHARE * len(built)))
    if changes > most:
        progress.print(
            f"the index file is built anew: {changes:,} rows have changed since, and {most:,} may lie beside it"
        )
        return None
    delta = Delta(removed, table.vectors_from(len(kept)))
    progress.print(f"{changes:,} changed rows lie beside the index file; from {most:,} on it is built anew")
    return ChangedIndex(built, delta), delta


def _none(dim: int) -> Delta:
    return Delta(np.empty(0, np.int64), np.empty((0, dim), np.float32))


def _kept(old: Rows, in_file: int, now: Rows) -> NDArray[np.int64]:
    """Which of the first `in_file` old rows the table still begins with: rows are only taken out, and added at the end."""
    from pyarrow import compute

    some = old.table.slice(0, in_file)
    place = compute.index_in(now.table["id"], some["id"].combine_chunks()).combine_chunks()
    place_N = place.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    content = some["sha256"].combine_chunks().take(compute.if_else(compute.less(place.fill_null(-1), 0), 0, place))
    same_N = compute.equal(content, now.table["sha256"].combine_chunks()).to_numpy(zero_copy_only=False).astype(bool)
    goes_on = (place_N >= 0) & same_N & (np.diff(place_N, prepend=-1) > 0)
    end = len(goes_on) if goes_on.all() else int(np.argmin(goes_on))
    kept: NDArray[np.int64] = place_N[:end]
    return kept
