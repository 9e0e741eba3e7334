"""Greatest length, CSV form and JSON form of the tables of label issues and of near duplicates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from samekind.core.cells import guarded
from samekind.core.errors import InputError
from samekind.indexer.audit.notes import Note, NoteCode

Table = TypeVar("Table")


def check_count(count: Any) -> int:
    """A table's greatest length, which must be a whole number from 1 on.

    Raises:
        InputError: it is not.
    """
    if isinstance(count, bool) or not hasattr(count, "__index__") or int(count) < 1:
        raise InputError(f"count must be a whole number of at least 1, got {count!r}")
    return int(count)


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> str:
    """A header and a line a row, quoted and ended as RFC 4180 says; `None` is empty, and no text a formula."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns)
    writer.writeheader()
    writer.writerows({name: guarded(value) for name, value in row.items()} for row in rows)
    return stream.getvalue()


def stored(table: Any) -> dict[str, Any]:
    """A table, a dataclass of plain values, entries and `notes`, as JSON has it."""
    return {**asdict(table), "notes": [[note.code, str(note)] for note in table.notes]}


def restored(kind: type[Table], values: Mapping[str, Any], count: int, **entries: type) -> Table:
    """What `stored` was given, or what JSON has made of that.

    Args:
        kind: of the table.
        values: as `stored` returned them.
        count: greatest number of entries wanted.
        entries: the field that holds the entries, and their dataclass.
    """
    made = {
        field: tuple(
            entry(**{name: _immutable(value) for name, value in each.items()}) for each in values[field][:count]
        )
        for field, entry in entries.items()
    }
    notes = tuple(Note(NoteCode(code), text) for code, text in values["notes"])
    return kind(**{**values, **made, "notes": notes})


def _immutable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
