"""Pairwise annotations of images: the LanceDB table `verdicts`.

Append-only: an answer is never changed, a later one about the same pair (in either order) takes its place, and taking one back is an answer
too. Images are named by the hash of their content, so verdicts outlive a new index, another split and renamed files. Several processes may
add at once: appends do not conflict in LanceDB, and each either lands whole or not at all. Tables of release 0.1 lack the column `screen`:
they are read as they are, and the first verdict that is added brings it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.storage.database import open_database
from samekind.indexer.storage.layout import MANIFEST, ROWS_FILE
from samekind.indexer.storage.rows import Rows
from samekind.training.false_negatives.constraints import Pair
from samekind.training.runtime.lock import exclusive

TABLE, SCREEN = "verdicts", "screen"
SAME, DIFFERENT, UNSURE, WRONG_LABEL, DUPLICATE = ANSWERS = ("same", "different", "unsure", "wrong_label", "duplicate")
WITHDRAWN = "withdrawn"
VERDICTS = (*ANSWERS, WITHDRAWN)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATIENCE = 60.0  # seconds that the first verdict of all waits for another process


@dataclass(frozen=True)
class Verdict:
    """One answer about one pair.

    Attributes:
        anchor_sha256: content hash of the anchor, 64 hex digits.
        negative_sha256: that of the negative; another image's.
        verdict: one of `VERDICTS`. `wrong_label` says that the anchor's label is not its own (of the negative's it says nothing: who means
            that one swaps the two), `duplicate` that both show the very same thing, `withdrawn` that an earlier answer no longer holds.
        who: answered; may be empty.
        when: ISO 8601 time with its offset; now, if left out.
        note: free text.
        screen: id of the screen that the pair was answered on (`Screen.id`); empty if it was asked about by itself.

    Raises:
        InputError: a hash, the verdict or the time is none.
    """

    anchor_sha256: str
    negative_sha256: str
    verdict: str
    who: str = ""
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    note: str = ""
    screen: str = ""

    def __post_init__(self) -> None:
        for name in ("anchor_sha256", "negative_sha256"):
            if not _SHA256.fullmatch(getattr(self, name)):
                raise InputError(f"{name} must be 64 hex digits, got {getattr(self, name)!r}")
        if self.anchor_sha256 == self.negative_sha256:
            raise InputError("anchor and negative have the same content: such a pair needs no verdict")
        if self.verdict not in VERDICTS:
            raise InputError(f"unknown verdict {self.verdict!r}", hint=f"choose one of {', '.join(VERDICTS)}")
        try:
            moment = datetime.fromisoformat(self.when)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            raise InputError(
                f"when must be an ISO time with its offset, got {self.when!r}", hint="2026-11-24T12:00:00+00:00"
            )

    @property
    def pair(self) -> Pair:
        """Both hashes in alphabetical order: who was the anchor matters for `wrong_label` only."""
        first, second = sorted((self.anchor_sha256, self.negative_sha256))
        return first, second

    @property
    def moment(self) -> datetime:
        """`when` as a point in time."""
        return datetime.fromisoformat(self.when)


COLUMNS = tuple(f.name for f in fields(Verdict))


class VerdictTable:
    """The verdicts of one artefact.

    Args:
        folder: the artefact; the table is made by the first verdict.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, path: str | Path) -> Self:
        """The verdicts of an artefact that is there.

        Raises:
            ArtefactError: it is not.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise ArtefactError(
                f"the artefact {folder} does not exist", hint="make one with samekind train and samekind index"
            )
        return cls(folder)

    def add(self, verdicts: Sequence[Verdict]) -> None:
        """Appends, all or none of them.

        Raises:
            ArtefactError: they could not be written.
        """
        if not verdicts:
            return
        import pyarrow as pa

        rows = pa.Table.from_pylist([asdict(verdict) for verdict in verdicts], schema=_schema())
        try:
            self._made().add(rows)
        except (OSError, RuntimeError, ValueError) as error:
            raise ArtefactError(
                f"cannot write verdicts to {self.folder}: {' '.join(str(error).split())}",
                hint="check permissions and free space, and try again",
            ) from error

    def all(self) -> list[Verdict]:
        """Every verdict that was ever added, oldest first; equal ones once.

        Raises:
            ArtefactError: the table is damaged.
        """
        if not self._exists():
            return []
        try:
            rows = self._database.open_table(TABLE).to_arrow()
            there = [name for name in COLUMNS if name in rows.column_names or name != SCREEN]
            verdicts = [_from_row(row) for row in rows.select(there).to_pylist()]
        except (OSError, RuntimeError, TypeError, ValueError, InputError) as error:
            table = self.folder / "db" / f"{TABLE}.lance"
            raise ArtefactError(
                f"the verdicts in {table} cannot be read: {' '.join(str(error).split())}",
                hint="put back a copy of that folder; if there is none, move it away and import a CSV file of the verdicts",
            ) from error
        return sorted(dict.fromkeys(verdicts), key=lambda verdict: verdict.moment)

    def current(self) -> dict[Pair, Verdict]:
        """The latest verdict on each pair, without those that were withdrawn."""
        latest = {verdict.pair: verdict for verdict in self.all()}
        return {pair: verdict for pair, verdict in latest.items() if verdict.verdict != WITHDRAWN}

    def withdraw(self, screen: str, who: str = "") -> int:
        """Takes all answers of a screen back that still hold; returns how many. A later answer about one of its pairs stays.

        Args:
            screen: its id; answers to single pairs have none, so that an empty one takes nothing back.
            who: takes them back.

        Raises:
            ArtefactError: the table is damaged or cannot be written.
        """
        present = [verdict for verdict in self.current().values() if screen and verdict.screen == screen]
        when = datetime.now(UTC).isoformat()
        self.add([replace(each, verdict=WITHDRAWN, who=who, when=when, note="") for each in present])
        return len(present)

    def _made(self) -> Any:
        """The table with all columns, made if need be.

        Two processes must not make it at once: the later one would take the first's verdicts away. Nor may one append before another has
        added the column: every writer comes through here first, and the column is there, for all rows at once, or it is not.
        """
        import pyarrow as pa

        with exclusive(self.folder / "db", f".{TABLE}.lock", _PATIENCE):
            if not self._exists():
                return self._database.create_table(TABLE, schema=_schema(), exist_ok=True)
            table = self._database.open_table(TABLE)
            if SCREEN not in table.schema.names:
                table.add_columns(pa.field(SCREEN, pa.string()))  # nullable: release 0.1 can still append to it
            return table

    def _exists(self) -> bool:
        return any((self.folder / "db" / f"{TABLE}.lance" / "_versions").glob("*.manifest"))

    @cached_property
    def _database(self) -> Any:
        return open_database(self.folder)


def num_gone(path: str | Path, verdicts: Iterable[Verdict]) -> int | None:
    """Number of verdicts about an image, or two, that the index does not hold; `None` without a finished index.

    Raises:
        ArtefactError: the index's list of rows is damaged.
    """
    rows_file = Path(path) / ROWS_FILE
    if not (Path(path) / MANIFEST).is_file() or not rows_file.is_file():
        return None
    held = set(Rows.read(rows_file).column("sha256"))
    return sum(not held.issuperset(verdict.pair) for verdict in verdicts)


def _from_row(row: dict[str, Any]) -> Verdict:
    """A verdict; those from before there were screens have none."""
    return Verdict(**{**row, SCREEN: row.get(SCREEN) or ""})


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string()) for name in COLUMNS])
