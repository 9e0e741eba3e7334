"""Rows by SQL condition, as an index was when it was opened, the latest conditions remembered.

The table answers at the version that the index belongs to. Where that is gone (the table was rebuilt, or its history cleaned up), the rows
that the index holds in memory are asked by the same engine instead: a filter never fails because somebody has written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.rows import Rows
from samekind.indexer.storage.table import ImageTable

_REMEMBERED = 64


class Filters:
    """The conditions that an opened index has been asked for.

    Args:
        folder: the artefact.
        rows: of the index.
        table: opens the table at the version of the index.
        is_current: tells whether the index is still the one on disk: a table that cannot be read then is damaged.
    """

    def __init__(
        self, folder: Path, rows: Rows, table: Callable[[], ImageTable], is_current: Callable[[], bool]
    ) -> None:
        self._folder, self._rows, self._open_table, self._is_current = folder, rows, table, is_current
        self.positions = lru_cache(_REMEMBERED)(self._positions)
        """Rows (0-based, ascending, not to be written to) that satisfy a condition; `InputError` if it is no SQL over the columns."""

    def _positions(self, condition: str) -> NDArray[np.int64]:
        try:
            ids = self._open_table().ids_where(condition)
        except ArtefactError:
            if self._is_current():
                raise
            ids = ImageTable.of_rows(self._folder, self._rows.table).ids_where(condition)
        place = self._rows.position
        found = np.sort(np.array([place[id_] for id_ in ids], dtype=np.int64))
        found.setflags(write=False)
        return found
