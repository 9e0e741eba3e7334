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
from samekind.indexer.storage.fingerprints import file_sha256
from samekind.indexer.storage.remedies import json_field
from samekind.training.runtime.lock import exclusive

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SUM = re.compile(r"([0-9a-f]{64})  ([0-9a-z]+\.lance)")
_LAST_VERSION = 2**64 - 1  # from which LanceDB counts its versions down, so that the latest comes first
_PATIENCE = 60.0  # seconds that the first answer of all waits for another process
_JUST_NOW = timedelta(seconds=60)
_TICK = timedelta(microseconds=1)


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

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

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
            with exclusive(self.folder / "db", self._lock, _PATIENCE):
                self._note_files()
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
        self._check_versions()
        try:
            rows = self._database.open_table(self.name).to_arrow()
            there = [name for name in self._columns if name in rows.column_names or name not in self.optional]
            blank = dict.fromkeys(self.optional, "")
            answers = [
                self.answer(**{name: value or "" for name, value in {**blank, **row}.items()})
                for row in rows.select(there).to_pylist()
            ]
        except MemoryError:
            raise
        except Exception as error:  # LanceDB's parsers raise nearly anything on damaged bytes
            raise self._damaged(" ".join(str(error).split())) from error
        return sorted(dict.fromkeys(answers), key=lambda answer: answer.moment)

    def next_time(self) -> datetime:
        """A moment for an answer that is given now: later than all that the table has, also where the clock has gone back."""
        now = datetime.now(UTC)
        try:
            last = self._last(self._database.open_table(self.name), now) if self.exists() else now
        except (OSError, RuntimeError, ValueError):  # damaged: whoever writes or reads it says so
            return now
        return now if last <= now else last + _TICK

    def _in_order(self, answers: Sequence[Answer], table: Any) -> list[Answer]:
        """The answers; those of just now behind all that the table has, if the clock says that some of these are yet to come.

        What was given at one moment stays together: a name is known by its moment when it is taken back.
        """
        now = datetime.now(UTC)
        last = self._last(table, now)
        if last <= now:
            return list(answers)
        early = dict.fromkeys(
            each.moment for each in answers if abs(each.moment - now) < _JUST_NOW and each.moment <= last
        )
        later = {moment: (last + number * _TICK).isoformat() for number, moment in enumerate(early, start=1)}
        return [replace(each, when=later[each.moment]) if each.moment in later else each for each in answers]

    def _last(self, table: Any, now: datetime) -> datetime:
        """The latest moment in the table; now if there is none."""
        try:
            times = table.search().select(["when"]).to_arrow()["when"].to_pylist()
            return max(map(datetime.fromisoformat, times), default=now)
        except (
            OSError,
            RuntimeError,
            TypeError,
            ValueError,
        ):  # damaged: whoever reads it says so, and nobody's answer is lost for it
            return now

    def check_files(self) -> None:
        """Compares every file of the table with what it was when it was written.

        Raises:
            ArtefactError: one is missing or another.
        """
        for name, sha256 in self._sums().items():
            file = self._place / "data" / name
            if not file.is_file():
                raise self._damaged(f"{name} is missing")
            if file_sha256(file) != sha256:
                raise self._damaged(f"{name} is not the file that was written")

    def _check_versions(self) -> None:
        """LanceDB reads the latest version that it finds: where that one is lost, the answers since the one before would be, too."""
        latest = json_field(self._place / "_versions" / "latest_version_hint.json", "version")
        there = [_LAST_VERSION - int(path.stem) for path in self._versions() if path.stem.isdecimal()]
        if isinstance(latest, int) and there and latest > max(there):
            raise self._damaged(f"its latest version, {latest}, is missing")

    def _note_files(self) -> None:
        """Writes down the hashes of files that have come since the last time; LanceDB never rewrites one. The caller holds the lock."""
        known = self._sums()
        new = [path for path in sorted((self._place / "data").glob("*.lance")) if path.name not in known]
        with self._sums_file.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{file_sha256(path)}  {path.name}\n" for path in new)

    def _sums(self) -> dict[str, str]:
        """The hash of each file of the table by its name; a line that a kill cut short counts for nothing."""
        if not self._sums_file.is_file():
            return {}
        lines = self._sums_file.read_text(encoding="utf-8", errors="replace").splitlines()
        return {found[2]: found[1] for line in lines if (found := _SUM.fullmatch(line))}

    @property
    def _sums_file(self) -> Path:
        return self.folder / "db" / f"{self.name}.sha256"

    @property
    def _place(self) -> Path:
        return self.folder / "db" / f"{self.name}.lance"

    def _versions(self) -> list[Path]:
        return list((self._place / "_versions").glob("*.manifest"))

    def _damaged(self, reason: str) -> ArtefactError:
        return ArtefactError(
            f"the {self.name} in {self._place} cannot be read: {reason}",
            hint=f"put back a copy of that folder; if there is none, move it away and import a CSV file of the {self.name}",
        )

    def exists(self) -> bool:
        """True if the table was ever written."""
        return bool(self._versions())

    def _made(self) -> Any:
        """The table with all columns, made if need be.

        Two processes must not make it at once: the later one would take the first's answers away. Nor may one append before another has
        added a column: every writer comes through here first, and the column is there, for all rows at once, or it is not.
        """
        import pyarrow as pa

        with exclusive(self.folder / "db", self._lock, _PATIENCE):
            if not self.exists():
                return self._database.create_table(self.name, schema=self._schema(), exist_ok=True)
            table = self._database.open_table(self.name)
            if missing := [name for name in self.optional if name not in table.schema.names]:
                # nullable: the release that made the table can still append to it
                table.add_columns(pa.schema([pa.field(name, pa.string()) for name in missing]))
            return table

    @property
    def _lock(self) -> str:
        return f".{self.name}.lock"

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
