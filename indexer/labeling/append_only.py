"""A LanceDB table of answers that people gave, one text column a field.

Append-only: a later answer takes an earlier one's place when the table is read, and nothing is changed or deleted. Several processes may
add at once: appends do not conflict in LanceDB, and each either lands whole or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.storage.database import open_database
from samekind.training.runtime.lock import exclusive

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATIENCE = 60.0  # seconds that the first answer of all waits for another process
_JUST_NOW = timedelta(seconds=60)


class Timed(Protocol):
    """An answer: a frozen dataclass whose fields are texts."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def moment(self) -> datetime:
        """When it was given."""


Answer = TypeVar("Answer", bound=Timed)


class AppendOnlyTable(Generic[Answer]):
    """The answers of one kind in one artefact.

    Args:
        folder: the artefact; the table is made by the first answer.
    """

    name: ClassVar[str]
    """Of the table, and of its answers in messages."""
    optional: ClassVar[tuple[str, ...]] = ()
    """Columns that tables of earlier releases lack: they are empty there, and the first answer that is added brings them."""
    answer: type[Answer]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, path: str | Path) -> Self:
        """The answers of an artefact that is there.

        Raises:
            ArtefactError: it is not.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise ArtefactError(
                f"the artefact {folder} does not exist", hint="make one with samekind train and samekind index"
            )
        return cls(folder)

    def add(self, answers: Sequence[Answer]) -> None:
        """Appends, all or none of them.

        Where the clock has gone back, answers that were given just now would be older than those they correct; they get a later time.

        Raises:
            ArtefactError: they could not be written.
        """
        if not answers:
            return
        import pyarrow as pa

        try:
            table = self._made()
            told = [asdict(answer) for answer in self._in_order(answers, table)]
            table.add(pa.Table.from_pylist(told, schema=self._schema()))
        except (OSError, RuntimeError, ValueError) as error:
            raise ArtefactError(
                f"cannot write {self.name} to {self.folder}: {' '.join(str(error).split())}",
                hint="check permissions and free space, and try again",
            ) from error

    def all(self) -> list[Answer]:
        """Every answer that was ever added, oldest first; equal ones once.

        Raises:
            ArtefactError: the table is damaged.
        """
        if not self.exists():
            return []
        try:
            rows = self._database.open_table(self.name).to_arrow()
            there = [name for name in self._columns if name in rows.column_names or name not in self.optional]
            blank = dict.fromkeys(self.optional, "")
            answers = [
                self.answer(**{name: value or "" for name, value in {**blank, **row}.items()})
                for row in rows.select(there).to_pylist()
            ]
        except (OSError, RuntimeError, TypeError, ValueError, InputError) as error:
            table = self.folder / "db" / f"{self.name}.lance"
            raise ArtefactError(
                f"the {self.name} in {table} cannot be read: {' '.join(str(error).split())}",
                hint=f"put back a copy of that folder; if there is none, move it away and import a CSV file of the {self.name}",
            ) from error
        return sorted(dict.fromkeys(answers), key=lambda answer: answer.moment)

    def _in_order(self, answers: Sequence[Answer], table: Any) -> list[Answer]:
        """The answers; those of just now behind all that the table has, if the clock says that some of these are yet to come."""
        now = datetime.now(UTC)
        try:
            times = table.search().select(["when"]).to_arrow()["when"].to_pylist()
            last = max(map(datetime.fromisoformat, times), default=now)
        except (
            OSError,
            RuntimeError,
            TypeError,
            ValueError,
        ):  # damaged: whoever reads it says so, and nobody's answer is lost for it
            last = now
        if last <= now:
            return list(answers)
        later = [(last + timedelta(microseconds=number)).isoformat() for number in range(1, len(answers) + 1)]
        return [
            replace(answer, when=when) if abs(answer.moment - now) < _JUST_NOW else answer
            for answer, when in zip(answers, later, strict=True)
        ]

    def exists(self) -> bool:
        """True if the table was ever written."""
        return any((self.folder / "db" / f"{self.name}.lance" / "_versions").glob("*.manifest"))

    def _made(self) -> Any:
        """The table with all columns, made if need be.

        Two processes must not make it at once: the later one would take the first's answers away. Nor may one append before another has
        added a column: every writer comes through here first, and the column is there, for all rows at once, or it is not.
        """
        import pyarrow as pa

        with exclusive(self.folder / "db", f".{self.name}.lock", _PATIENCE):
            if not self.exists():
                return self._database.create_table(self.name, schema=self._schema(), exist_ok=True)
            table = self._database.open_table(self.name)
            if missing := [name for name in self.optional if name not in table.schema.names]:
                # nullable: the release that made the table can still append to it
                table.add_columns(pa.schema([pa.field(name, pa.string()) for name in missing]))
            return table

    @cached_property
    def _database(self) -> Any:
        return open_database(self.folder)

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(each.name for each in fields(self.answer))

    def _schema(self) -> Any:
        import pyarrow as pa

        return pa.schema([pa.field(name, pa.string()) for name in self._columns])


def check_hash(name: str, value: str) -> None:
    """Refuses what is no content hash.

    Raises:
        InputError: it is none.
    """
    if not _SHA256.fullmatch(value):
        raise InputError(f"{name} must be 64 hex digits, got {value!r}")


def check_time(when: str) -> None:
    """Refuses what is no point in time.

    Raises:
        InputError: it is none.
    """
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"when must be an ISO time with its offset, got {when!r}", hint="2026-11-24T12:00:00+00:00")
