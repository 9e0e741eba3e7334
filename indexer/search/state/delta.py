"""Changes that lie beside the index file: rows taken out of it and vectors added, until they are many enough to build it anew.

Writing a large index file, and all the more training the lists of an approximate one, costs the same for one image as for a thousand. The
table stays the source of truth: its rows are those of the index file that were not taken out, in their order, and then the added ones.
Added rows are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from samekind.core.errors import ArtefactError
from samekind.core.files import atomic_path
from samekind.indexer.search.unit_vectors import Float32, Rows
from samekind.indexer.search.vector_index import BLOCK, VectorIndex
from samekind.indexer.storage.layout import DELTA_FILE
from samekind.indexer.storage.manifest import Manifest, index_name

Similarities = NDArray[np.float64]
_SPARE = 16


@dataclass(frozen=True)
class Delta:
    """What the table has come to since its index file was built.

    Attributes:
        removed_R: rows of the index file that the table does not hold any more, ascending.
        added_AD: `(A, D)` float32 of unit norm, of the rows after all those of the index file.
    """

    removed_R: Rows
    added_AD: Float32

    def __len__(self) -> int:
        return len(self.removed_R) + len(self.added_AD)

    def write(self, path: Path) -> None:
        """Writes the file by a temporary file and a rename.

        Raises:
            ArtefactError: it cannot be written.
        """
        try:
            with atomic_path(path) as temporary:
                temporary.write_bytes(save({"removed": self.removed_R, "added": np.ascontiguousarray(self.added_AD)}))
        except (OSError, SafetensorError) as error:
            raise ArtefactError(f"cannot write {path}", hint="check permissions and free space") from error

    @classmethod
    def read(cls, path: Path) -> Delta:
        """Reads the file.

        Raises:
            ArtefactError: it is missing or damaged.
        """
        try:
            values = load_file(path)
            return cls(values["removed"], values["added"])
        except (OSError, SafetensorError, KeyError) as error:
            raise ArtefactError(f"cannot read {path}", hint="run samekind index again") from error


def load_vectors(manifest: Manifest, place: Callable[[str], Path]) -> VectorIndex:
    """The vectors of an index: its file, and what has changed beside it.

    Args:
        manifest: of the index.
        place: where a file of it can be read.

    Raises:
        ArtefactError: a file is missing or damaged, or the changes are those of another index file.
    """
    built = VectorIndex.load(place(index_name(manifest)), manifest.ann_recall_at_10)
    if manifest.delta is None:
        return built
    if manifest.delta.get("of") != manifest.index.get("sha256"):
        raise ArtefactError(f"{DELTA_FILE} belongs to another {index_name(manifest)}", hint="run samekind index again")
    return ChangedIndex(built, Delta.read(place(DELTA_FILE)))


class ChangedIndex(VectorIndex):
    """The vectors of a table, by an index of what it was and by what has changed since; rows are those of the table.

    Args:
        built: the index of the file.
        delta: what has changed.
    """

    def __init__(self, built: VectorIndex, delta: Delta) -> None:
        self._built, self._delta, self._wanted = built, delta, None
        self.ann_recall = built.ann_recall
        added = delta.added_AD
        self._added = VectorIndex.build(lambda: [added] if len(added) else [], built.dim, len(added), len(added))
        self._kept = len(built) - len(delta.removed_R)
        # of the table's rows before the i-th removed one, and there are as many as its row less i
        self._before_R = delta.removed_R - np.arange(len(delta.removed_R))

    def __len__(self) -> int:
        return self._kept + len(self._delta.added_AD)

    @property
    def dim(self) -> int:
        """Dimension D."""
        return self._built.dim

    @property
    def exact(self) -> bool:
        """True if every row is compared."""
        return self._built.exact

    @property
    def kind(self) -> str:
        """FAISS' name for the index of the file."""
        return self._built.kind

    @property
    def parameters(self) -> dict[str, int]:
        """How far a search of the file looks."""
        return self._built.parameters

    def vectors(self, rows: Rows | None = None) -> Float32:
        """`(N, D)` float32 in table order, or those of `rows`; a copy."""
        if rows is None:
            return np.concatenate(
                [np.delete(self._built.vectors(), self._delta.removed_R, axis=0), self._delta.added_AD]
            )
        rows = np.asarray(rows, dtype=np.int64)
        found, old = np.empty((len(rows), self.dim), np.float32), rows < self._kept
        found[old] = self._built.vectors(self._in_file(rows[old]))
        found[~old] = self._delta.added_AD[rows[~old] - self._kept]
        return found

    def in_order(self) -> Float32:
        """`(N, D)` float32 in table order; a copy."""
        return self.vectors()

    def search(self, query_QD: Float32, k: int, rows: Rows | None = None) -> list[tuple[Similarities, Rows]]:
        """The k nearest rows of each query; see `VectorIndex.search`."""
        return list(zip(*self.search_batch(query_QD, k, rows), strict=True))

    def search_batch(self, query_QD: Float32, k: int, rows: Rows | None = None) -> tuple[Similarities, Rows]:
        """The k nearest rows of each query, `(Q, K)` float64 cosines, descending, and `(Q, K)` rows; equal cosines in row order."""
        k = min(k, len(self) if rows is None else len(rows))
        if k == 0 or not len(query_QD):
            return np.empty((len(query_QD), k)), np.empty((len(query_QD), k), np.int64)
        old_rows, added_rows = None, None
        if rows is not None:
            old_rows, added_rows = rows[rows < self._kept], rows[rows >= self._kept] - self._kept
        similarity_QK, row_QK = self._old(query_QD, k, old_rows)
        new_QK, added_QK = self._added.search_batch(query_QD, k, added_rows)
        similarity_QM = np.concatenate([similarity_QK, new_QK], axis=1)
        row_QM = np.concatenate([row_QK, added_QK + self._kept], axis=1)
        order_QK = np.lexsort((row_QM, -similarity_QM), axis=-1)[:, :k]
        return np.take_along_axis(similarity_QM, order_QK, axis=1), np.take_along_axis(row_QM, order_QK, axis=1)

    def mapped(self, apply: Callable[[Float32], Float32]) -> VectorIndex:
        """The same rows in another space, as one index in memory, of the file's kind once it is `tuned`."""
        return self._mapped_rows(apply)

    def _block(self, start: int) -> Float32:
        return self.vectors(np.arange(start, min(start + BLOCK, len(self))))

    def _in_file(self, rows: Rows) -> Rows:
        """Rows of the index file for rows of the table."""
        return rows + np.searchsorted(self._before_R, rows, side="right")

    def _old(self, query_QD: Float32, k: int, rows: Rows | None) -> tuple[Similarities, Rows]:
        """The k nearest of the file's rows that are still there, as rows of the table."""
        if rows is not None:
            similarity_QK, row_QK = self._built.search_batch(query_QD, k, self._in_file(rows))
            return similarity_QK, self._in_table(row_QK)
        k, removed = min(k, self._kept), len(self._delta.removed_R)
        similarity_QK, row_QK = np.empty((len(query_QD), k)), np.empty((len(query_QD), k), np.int64)
        short, width = np.arange(len(query_QD)), k + min(_SPARE, removed)
        while len(short):
            similarity_SW, row_SW = self._built.search_batch(query_QD[short], width)
            gone_SW = self._gone(row_SW)
            kept_SK = np.argsort(gone_SW, axis=1, kind="stable")[:, :k]
            similarity_QK[short] = np.take_along_axis(similarity_SW, kept_SK, axis=1)
            row_QK[short] = np.take_along_axis(row_SW, kept_SK, axis=1)
            short = short[(~gone_SW).sum(axis=1) < k]  # none once the width is k and all that was taken out
            width = min(4 * width, k + removed)
        return similarity_QK, self._in_table(row_QK)

    def _gone(self, row: Rows) -> NDArray[np.bool_]:
        """Which rows of the file the table does not hold any more."""
        removed_R = self._delta.removed_R
        if not len(removed_R):
            return np.zeros(row.shape, dtype=bool)
        place = np.minimum(np.searchsorted(removed_R, row), len(removed_R) - 1)
        gone: NDArray[np.bool_] = removed_R[place] == row
        return gone

    def _in_table(self, row: Rows) -> Rows:
        return row - np.searchsorted(self._delta.removed_R, row)
