"""The light columns of an index in memory: which image stands in which row.

They are read from `rows.arrow`, a copy of the table without thumbnails and vectors that is written with the index: a search then needs
no LanceDB, whose import alone takes 2 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.core.files import atomic_path
from samekind.indexer.storage.places import current_place

if TYPE_CHECKING:
    from samekind.indexer.storage.manifest import CorpusEntry


class Rows:
    """Ids, labels and the other light columns in table order.

    Args:
        table: Arrow table with `table.ROW_COLUMNS`.
        corpora: of the index; they say where files lie now.
    """

    def __init__(self, table: Any, corpora: Sequence[CorpusEntry] = ()) -> None:
        self.table = table.combine_chunks()
        self._corpora = corpora

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @classmethod
    def read(cls, path: Path, corpora: Sequence[CorpusEntry] = ()) -> Rows:
        """Reads `rows.arrow`.

        Raises:
            ArtefactError: it is missing or damaged.
        """
        try:
            with pa.memory_map(str(path)) as source:
                table = pa.ipc.open_file(source).read_all()
            table.validate(
                full=True
            )  # a flipped bit in an offset would send a read beyond the buffer: 28 ms for a million rows
            return cls(table, corpora)
        except (OSError, pa.ArrowInvalid) as error:
            raise ArtefactError(f"cannot read {path}", hint="run samekind index again") from error

    def write(self, path: Path) -> None:
        """Writes `rows.arrow` by a temporary file and a rename.

        Raises:
            ArtefactError: it cannot be written.
        """
        try:
            with (
                atomic_path(path) as temporary,
                temporary.open("wb") as stream,
                pa.ipc.new_file(stream, self.table.schema) as writer,
            ):
                writer.write_table(self.table)
        except OSError as error:
            raise ArtefactError(
                f"cannot write {path}: {error.strerror}", hint="check permissions and free space"
            ) from error

    def column(self, name: str) -> list[Any]:
        """One column as a list."""
        values: list[Any] = self.table[name].to_pylist()
        return values

    def numbered(self, name: str) -> NDArray[np.int64]:
        """`(N,)` int64 numbers, equal where a column's values are equal; a million hashes as Python strings would take 100 MB."""
        return np.asarray(self.table[name].combine_chunks().dictionary_encode().indices.to_numpy(), dtype=np.int64)

    @cached_property
    def ids(self) -> list[str]:
        """The ids."""
        return self.column("id")

    @cached_property
    def labels(self) -> list[str | None] | None:
        """Class names, `None` where a row has none; `None` as a whole if no row has one."""
        labels: list[str | None] = self.column("label")
        return labels if any(label is not None for label in labels) else None

    @cached_property
    def position(self) -> dict[str, int]:
        """Row number by id."""
        return {id_: i for i, id_ in enumerate(self.ids)}

    def position_of(self, id_: str) -> int:
        """Row number of an id.

        Raises:
            InputError: there is no such row.
        """
        try:
            return self.position[id_]
        except KeyError:
            example = f"ids look like {self.ids[0]!r}" if len(self) else "the index is empty"
            raise InputError(f"the index holds no image {id_!r}", hint=example) from None

    def row(self, position: int) -> dict[str, Any]:
        """All light columns of one row; `uri` is where its file lies now."""
        values: dict[str, Any] = self.table.slice(position, 1).to_pylist()[0]
        return {**values, "uri": current_place(values, self._corpora)}

    def with_content(self, hashes: frozenset[str]) -> NDArray[np.int64]:
        """Rows whose `sha256` is among `hashes`, ascending."""
        from pyarrow import compute

        mask = np.zeros(len(self), dtype=bool)
        for sha256 in hashes:
            mask |= compute.equal(self.table["sha256"], sha256).to_numpy()
        return np.flatnonzero(mask)

    def values(self, name: str, positions: NDArray[np.int64]) -> list[Any]:
        """One column at `positions`, in their order; `uri` as in `row`. Not by `pyarrow.array`, which would import pandas (0.6 s)."""
        indices = pa.Array.from_buffers(
            pa.int64(), len(positions), [None, pa.py_buffer(np.ascontiguousarray(positions, dtype=np.int64))]
        )
        if name == "uri":
            rows = self.table.select(["id", "uri", "corpus"]).take(indices).to_pylist()
            return [current_place(row, self._corpora) for row in rows]
        values: list[Any] = self.table[name].take(indices).to_pylist()
        return values
