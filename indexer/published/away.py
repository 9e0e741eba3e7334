"""The encoder of a published index, and all else that reads and embeds queries, fetched when it is needed."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.indexer.published.publishing import stored_files
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.storage.layout import MANIFEST, ROW_COLUMNS
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.rows import Rows
from samekind.training.runtime.artefact import META, TEXT, WEIGHTS


class Away(OpenedIndex):
    """Reads and embeds queries for rows that are elsewhere; its files are fetched into a folder that goes with it."""

    def __init__(self, files: Any, table: Any) -> None:
        small = stored_files(files, [META, MANIFEST])
        if MANIFEST not in small:
            raise ArtefactError("the index is being published, or that was interrupted", hint="publish it again")
        folder = Path(tempfile.mkdtemp(prefix="samekind-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for name, content in small.items():
            (folder / name).write_bytes(content)
        super().__init__(folder, Manifest.read(folder))
        self._stored, self._lance = files, table

    @cached_property
    def rows(self) -> Rows:
        """None: ids are looked up in the table."""
        return Rows(self._lance.schema.empty_table().select(list(ROW_COLUMNS)))

    @cached_property
    def encoder(self) -> Any:
        """The encoder that made the vectors."""
        self._fetch([WEIGHTS])
        return super().encoder

    @cached_property
    def text_tower(self) -> Any:
        """The text tower of the encoder."""
        self._fetch([TEXT])
        return super().text_tower

    def vectors(self, positions: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Vectors of some rows of the table."""
        assert positions is not None
        return vectors_of(self._lance.take_offsets(positions.tolist()).select(["vector"]).to_arrow())

    def _is_current(self) -> bool:
        return True

    def _fetch(self, names: Sequence[str]) -> None:
        for name, content in stored_files(self._stored, list(names)).items():
            (self.path / name).write_bytes(content)


def vectors_of(found: Any) -> NDArray[np.float32]:
    """Column `vector` of what LanceDB has found, `(n, D)` float32."""
    column = found["vector"].combine_chunks()
    vectors: NDArray[np.float32] = column.flatten().to_numpy().reshape(len(found), column.type.list_size)
    return vectors
