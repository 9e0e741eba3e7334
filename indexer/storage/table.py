"""The LanceDB table `images`, the source of truth of an index.

Rows keep the order in which they were appended, through deletes and compaction (tests/indexer/storage/test_table.py holds LanceDB to it).
Every write lands whole or not at all, and earlier versions can still be read: what an open index reads stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, SamekindError
from samekind.indexer.storage.database import database_in_memory, open_database
from samekind.indexer.storage.layout import ROW_COLUMNS, TABLE_FOLDER
from samekind.indexer.storage.remedies import (
    bad_condition,
    changed_meanwhile,
    check_statement,
    lance_reason,
    restore_hint,
)

TABLE = "images"
_IDS_A_DELETE = 2000


def table_schema(dim: int) -> Any:
    """Arrow schema of the table for vectors of dimension `dim`."""
    texts = [pa.field(name, pa.string()) for name in ("id", "uri", "split", "label")]
    sizes = [pa.field(name, pa.int32()) for name in ("width", "height")]
    rest = [pa.field("sha256", pa.string()), pa.field("corpus", pa.string()), pa.field("thumbnail", pa.binary())]
    return pa.schema([*texts, *sizes, *rest, pa.field("vector", pa.list_(pa.float32(), dim))])


class ImageTable:
    """The table of one artefact.

    Whatever reads it raises an `ArtefactError` with the remedy where there is no table or its files are damaged.

    Args:
        folder: the artefact.
        version: read the table as it was at this version, whatever has been written since; the latest, to write as well, if left out.
        is_current: tells whether the index that the version belongs to is still the one on disk: what cannot be read then is not damaged.
    """

    def __init__(self, folder: Path, version: int | None = None, is_current: Callable[[], bool] = lambda: True) -> None:
        self.folder = folder
        self._pinned = version
        self._is_current = is_current

    @classmethod
    def of_rows(cls, folder: Path, rows: Any) -> ImageTable:
        """A table in memory of light columns alone, which `ids_where` and `rows` can read.

        Args:
            folder: the artefact, for messages.
            rows: Arrow table with `ROW_COLUMNS`.
        """
        table = cls(folder)
        table.__dict__["_table"] = database_in_memory().create_table(TABLE, rows)
        return table

    @cached_property
    def _database(self) -> Any:
        return open_database(self.folder)

    @cached_property
    def _table(self) -> Any:
        if not self.exists():
            raise ArtefactError(f"{self.folder} holds no table of images", hint="run samekind index again")
        with self._reading():
            table = self._database.open_table(TABLE)
            if self._pinned is not None:
                table.checkout(self._pinned)
            return table

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Makes what LanceDB says of damaged files an error with a remedy."""
        try:
            yield
        except (SamekindError, MemoryError):
            raise
        except Exception as error:  # LanceDB's parsers raise nearly anything on damaged bytes
            if not self._is_current():
                raise changed_meanwhile(self.folder) from error
            reason = lance_reason(error)
            hint = f"if it stays so at a second try, {restore_hint(self.folder)}"  # a network's drive may only have stumbled
            if "permission denied" in reason.lower():
                hint = "make the folder and all in it readable"
            raise ArtefactError(f"{self.folder / TABLE_FOLDER} cannot be read: {reason}", hint=hint) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Makes what LanceDB says of a disk that takes nothing more an error with a remedy."""
        try:
            yield
        except (RuntimeError, OSError) as error:
            reason = lance_reason(error)
            raise ArtefactError(
                f"cannot write {self.folder / TABLE_FOLDER}: {reason}",
                hint="check permissions and free space, and run the same command again",
            ) from error

    def open(self) -> None:
        """Opens the table now: what is written from now on changes nothing of what a pinned one reads.

        Raises:
            ArtefactError: there is no table, or it cannot be read.
        """
        _ = self._table

    @property
    def lance(self) -> Any:
        """LanceDB's own table, for searches that it carries out itself."""
        return self._table

    def exists(self) -> bool:
        """True if there is a table."""
        return (self.folder / "db" / f"{TABLE}.lance").is_dir()

    def create(self, dim: int) -> None:
        """Makes an empty table for vectors of dimension `dim`, in place of an old one."""
        self.__dict__.pop("_table", None)
        with self._writing():
            if self.exists():
                self._database.drop_table(TABLE)
            self._database.create_table(TABLE, schema=table_schema(dim))

    @property
    def version(self) -> int:
        """LanceDB's version number."""
        return int(self._table.version)

    def __len__(self) -> int:
        with self._reading():
            return int(self._table.count_rows())

    @property
    def dim(self) -> int:
        """Dimension of the vectors."""
        return int(self._table.schema.field("vector").type.list_size)

    def at(self, version: int) -> ImageTable:
        """The table as it was at an earlier version, for reading."""
        return ImageTable(self.folder, version)

    def holds(self, version: int) -> bool:
        """True if the table can still be read as it was at a version."""
        with self._reading():
            return any(known["version"] == version for known in self._table.list_versions())

    def versions(self) -> list[tuple[int, float]]:
        """The versions that can be read, each with the time of its writing in seconds since 1970, the first one first."""
        with self._reading():
            return [(int(known["version"]), known["timestamp"].timestamp()) for known in self._table.list_versions()]

    def num_parts(self) -> int:
        """Files of rows, or versions, whichever are more: what grows with every write."""
        with self._reading():
            return max(int(self._table.stats()["fragment_stats"]["num_fragments"]), len(self._table.list_versions()))

    def compact(self, older_than: timedelta) -> None:
        """Merges small files and drops deleted rows, and deletes versions of more than this age; rows keep their order."""
        with self._writing():
            self._table.optimize(cleanup_older_than=older_than)

    def append(self, rows: Any) -> None:
        """Adds rows at the end, all or none of them.

        Args:
            rows: Arrow table with `table_schema`'s columns.
        """
        with self._writing():
            self._table.add(rows.cast(table_schema(self.dim)))

    def delete(self, ids: Sequence[str]) -> None:
        """Deletes rows by id, in one version."""
        with self._writing():
            self._table.delete(f"id in ({quoted(ids)})")

    def rows(self) -> Any:
        """All rows without thumbnail and vector, as an Arrow table in table order."""
        return self._read(ROW_COLUMNS)

    def full_rows(self, ids: Sequence[str]) -> Any:
        """Rows with all columns, as an Arrow table in the order of `ids`."""
        with self._reading():
            parts = [self._table.search().where(f"id in ({quoted(part)})").to_arrow() for part in id_chunks(ids)]
        found = pa.concat_tables(parts)
        place = {id_: i for i, id_ in enumerate(found["id"].to_pylist())}
        return found.take([place[id_] for id_ in ids])

    def rows_at(self, positions: Sequence[int]) -> Any:
        """Rows with all columns at `positions` (0-based, ascending, in table order), as an Arrow table."""
        with self._reading():
            return self._table.take_offsets(list(positions)).to_arrow()

    def vector_batches(self) -> Iterator[NDArray[np.float32]]:
        """The vectors in table order, as `(n, D)` float32 blocks."""
        for column in self._batches("vector"):
            yield column.flatten().to_numpy().reshape(len(column), column.type.list_size)

    def vectors_from(self, start: int) -> NDArray[np.float32]:
        """`(n, D)` float32 vectors of the rows from one on, in table order."""
        rows = list(range(start, len(self)))
        if not rows:
            return np.empty((0, self.dim), np.float32)
        with self._reading():
            column = self._table.take_offsets(rows).select(["vector"]).to_arrow()["vector"].combine_chunks()
        vectors: NDArray[np.float32] = column.flatten().to_numpy().reshape(len(rows), self.dim)
        return vectors

    def thumbnail_batches(self) -> Iterator[list[bytes]]:
        """All encoded thumbnails in table order, in blocks."""
        for column in self._batches("thumbnail"):
            yield column.to_pylist()

    def thumbnails(self, positions: Sequence[int]) -> list[bytes]:
        """Encoded thumbnails of the rows at `positions` (0-based, in table order), in the order of `positions`."""
        if not positions:
            return []
        unique = sorted(set(positions))  # LanceDB answers in table order, whatever the order of the question
        with self._reading():
            found = self._table.take_offsets(unique).select(["thumbnail"]).to_arrow()["thumbnail"].to_pylist()
        place = dict(zip(unique, found, strict=True))
        return [place[position] for position in positions]

    def ids_where(self, condition: str) -> list[str]:
        """Ids of the rows that satisfy an SQL condition, in table order.

        Raises:
            InputError: the condition is not SQL over the columns.
            ArtefactError: the table is damaged.
        """
        check_statement(condition)
        try:
            found = self._table.search().where(condition).select(["id"]).to_arrow()
        except Exception as error:  # where its planner panics, the error is of a type of its own
            self.rows()  # or is it the table that cannot be read?
            raise bad_condition(condition, error) from error
        ids: list[str] = found["id"].to_pylist()
        return ids

    def _batches(self, name: str) -> Iterator[Any]:
        """One column in blocks."""
        with self._reading():
            batches = iter(self._table.search().select([name]).to_batches())
        while True:
            with self._reading():  # around the read alone: what is done with a block is not the table's fault
                batch = next(batches, None)
            if batch is None:
                return
            yield batch.column(name)

    def _read(self, columns: Sequence[str]) -> Any:
        with self._reading():
            return self._table.search().select(list(columns)).to_arrow()


def id_chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """`ids` in parts that are short enough for one SQL condition."""
    return [ids[start : start + _IDS_A_DELETE] for start in range(0, len(ids), _IDS_A_DELETE)]


def quoted(ids: Sequence[str]) -> str:
    """Texts for an SQL condition `… in (…)`."""
    return ", ".join("'" + id_.replace("'", "''") + "'" for id_ in ids) or "NULL"
