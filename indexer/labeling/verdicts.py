"""What people have said of pairs of images: the LanceDB table `verdicts`, and what follows from it.

Append-only: an answer is never changed, a later one about the same pair (in either order) takes its place, and taking one back is an answer
too. Images are named by the hash of their content, so verdicts outlive a new index, another split and renamed files. Several processes may
add at once: appends do not conflict in LanceDB, and each either lands whole or not at all.
"""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError, InputError
from samekind.indexer.storage.database import open_database
from samekind.indexer.storage.manifest import MANIFEST, ROWS_FILE
from samekind.indexer.storage.rows import Rows
from samekind.training.false_negatives.constraints import LinkConstraints, Pair
from samekind.training.runtime.artefact import write_atomically

TABLE = "verdicts"
SAME, DIFFERENT, UNSURE, WRONG_LABEL, DUPLICATE = ANSWERS = ("same", "different", "unsure", "wrong_label", "duplicate")
WITHDRAWN = "withdrawn"
VERDICTS = (*ANSWERS, WITHDRAWN)
TIMELESS = "0001-01-01T00:00:00+00:00"
"""Stands for the time of a line that has none, until it is added."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ATTEMPTS, _PAUSE = 5, 0.05
_CLOCKS = timedelta(hours=1)  # so far two machines' clocks may be apart


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

    Raises:
        InputError: a hash, the verdict or the time is none.
    """

    anchor_sha256: str
    negative_sha256: str
    verdict: str
    who: str = ""
    when: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    note: str = ""

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


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        added: verdicts that were new.
        kept: lines that were there already.
        gone: distinct lines about images that the index does not hold; they are added all the same, and count again if the images come
            back. `None` where there is no index to ask.
    """

    added: int
    kept: int
    gone: int | None = None


class VerdictTable:
    """The verdicts of one artefact.

    Args:
        folder: the artefact; the table is made by the first verdict.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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
        if not any((self.folder / "db" / f"{TABLE}.lance" / "_versions").glob("*.manifest")):
            return []
        try:
            rows = self._database.open_table(TABLE).to_arrow().select(list(COLUMNS)).to_pylist()
        except (OSError, RuntimeError, ValueError) as error:
            table = self.folder / "db" / f"{TABLE}.lance"
            raise ArtefactError(
                f"the verdicts in {table} cannot be read: {' '.join(str(error).split())}",
                hint="put back a copy of that folder; if there is none, move it away and import a CSV file of the verdicts",
            ) from error
        return sorted(dict.fromkeys(Verdict(**row) for row in rows), key=lambda verdict: verdict.moment)

    def current(self) -> dict[Pair, Verdict]:
        """The latest verdict on each pair, without those that were withdrawn."""
        latest = {verdict.pair: verdict for verdict in self.all()}
        return {pair: verdict for pair, verdict in latest.items() if verdict.verdict != WITHDRAWN}

    def _made(self) -> Any:
        """The table, made if need be; another process may be making it this very moment."""
        for attempt in range(_ATTEMPTS - 1):
            try:
                return self._database.create_table(TABLE, schema=_schema(), exist_ok=True)
            except (OSError, RuntimeError, ValueError):
                time.sleep(_PAUSE * 2**attempt)
        return self._database.create_table(TABLE, schema=_schema(), exist_ok=True)

    @cached_property
    def _database(self) -> Any:
        return open_database(self.folder)


def export_verdicts(path: str | Path, file: str | Path) -> int:
    """Writes all verdicts of an artefact, the superseded too, as CSV; returns how many.

    Args:
        path: the artefact.
        file: `anchor_sha256, negative_sha256, verdict, who, when, note` with a header, UTF-8.

    Raises:
        ArtefactError: the artefact is not there, or the file cannot be written.
    """
    verdicts = _table(path).all()
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream
    )  # lines end as RFC 4180 says; with another end, a note that holds such a one would not be quoted
    writer.writerow(COLUMNS)
    writer.writerows(map(astuple, verdicts))
    write_atomically(Path(file), stream.getvalue().encode())
    return len(verdicts)


def import_verdicts(path: str | Path, file: str | Path) -> Imported:
    """Adds the verdicts of a CSV file to an artefact; lines that are there already are left alone, one without a time if any time has it.

    Args:
        path: the artefact.
        file: as `export_verdicts` writes it; `who`, `when` and `note` may be missing.

    Raises:
        ArtefactError: the artefact is not there or cannot be written.
        InputError: the file is no such table; the first wrong line is named, and nothing was added.
    """
    table = _table(path)
    wanted, there = read_csv(Path(file)), table.all()
    known = {*there, *(replace(verdict, when=TIMELESS) for verdict in there)}
    new = [_now(verdict) for verdict in wanted if verdict not in known]
    table.add(new)
    return Imported(len(new), len(wanted) - len(new), num_gone(path, wanted))


def num_gone(path: str | Path, verdicts: Iterable[Verdict]) -> int | None:
    """How many verdicts are about an image, or two, that the index does not hold; `None` without a finished index.

    Raises:
        ArtefactError: the index's list of rows is damaged.
    """
    rows_file = Path(path) / ROWS_FILE
    if not (Path(path) / MANIFEST).is_file() or not rows_file.is_file():
        return None
    held = set(Rows.read(rows_file).column("sha256"))
    return sum(not held.issuperset(verdict.pair) for verdict in verdicts)


def read_csv(file: Path) -> list[Verdict]:
    """The distinct verdicts of a CSV file; one without a time has `TIMELESS`.

    Raises:
        InputError: the file cannot be read, lacks a column, or a line is wrong.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            text = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"cannot read {file}: {reason}", hint="name a CSV file") from error
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in COLUMNS[:3] if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{file} has no column {missing[0]}", hint=f"its first line must be {','.join(COLUMNS)}")
    verdicts = []
    try:
        for row in reader:
            verdicts.append(_verdict_of(row))
    except (InputError, TypeError, csv.Error) as error:
        reason = "it has too few columns" if isinstance(error, TypeError) else str(error)
        raise InputError(
            f"{file}, line {reader.line_num}: {reason}", hint=getattr(error, "hint", "") or "nothing was added"
        ) from error
    return list(dict.fromkeys(verdicts))


def _verdict_of(row: dict[str, str]) -> Verdict:
    values = {name: value for name in COLUMNS if (value := row.get(name)) is not None}
    for name in values.keys() - {"who", "note"}:
        values[name] = values[name].strip()
    verdict = Verdict(**{**values, "when": values.get("when") or TIMELESS})
    if verdict.moment > datetime.now(UTC) + _CLOCKS:
        raise InputError(f"{verdict.when} is in the future, so that no answer of today could take this one's place")
    return verdict


def _now(verdict: Verdict) -> Verdict:
    return replace(verdict, when=datetime.now(UTC).isoformat()) if verdict.when == TIMELESS else verdict


def grouped(current: Iterable[Verdict]) -> LinkConstraints:
    """Draws the consequences of the current verdicts: same kind is transitive, and no kind holds a pair that is called different.

    Args:
        current: at most one verdict a pair.
    """
    by_answer: dict[str, set[Pair]] = {answer: set() for answer in VERDICTS}
    wrong_labels = set[str]()
    for verdict in current:
        by_answer[verdict.verdict].add(verdict.pair)
        if verdict.verdict == WRONG_LABEL:
            wrong_labels.add(verdict.anchor_sha256)
    joined = _connected(by_answer[SAME] | by_answer[DUPLICATE])
    member = {image: number for number, kind in enumerate(joined) for image in kind}
    torn = {pair for pair in by_answer[DIFFERENT] if member.get(pair[0], -1) == member.get(pair[1], -2)}
    doubtful = {member[first] for first, _ in torn}
    return LinkConstraints(
        must_link_groups=tuple(kind for number, kind in enumerate(joined) if number not in doubtful),
        must_link=frozenset(pair for pair in by_answer[SAME] | by_answer[DUPLICATE] if member[pair[0]] not in doubtful),
        duplicates=frozenset(by_answer[DUPLICATE]),
        cannot_link=frozenset(by_answer[DIFFERENT]),
        contradictions=frozenset(torn),
        wrong_labels=frozenset(wrong_labels),
    )


def read_groups(path: str | Path) -> LinkConstraints:
    """What the verdicts of an artefact come to, for a training.

    Raises:
        ArtefactError: the artefact is not there, or nobody has given a verdict.
    """
    current = _table(path).current()
    if not current:
        raise ArtefactError(
            f"{path} holds no verdicts", hint="give some in samekind demo, or samekind verdicts import them"
        )
    return grouped(current.values())


def _connected(pairs: Iterable[Pair]) -> tuple[frozenset[str], ...]:
    """Connected components, in alphabetical order of their first members."""
    neighbours: dict[str, set[str]] = {}
    for first, second in pairs:
        neighbours.setdefault(first, set()).add(second)
        neighbours.setdefault(second, set()).add(first)
    components, seen = [], set[str]()
    for image in sorted(neighbours):
        if image not in seen:
            component, frontier = {image}, [image]
            while frontier:
                found = neighbours[frontier.pop()] - component
                component |= found
                frontier += found
            seen |= component
            components.append(frozenset(component))
    return tuple(components)


def _table(path: str | Path) -> VerdictTable:
    folder = Path(path)
    if not folder.is_dir():
        raise ArtefactError(
            f"the artefact {folder} does not exist", hint="make one with samekind train and samekind index"
        )
    return VerdictTable(folder)


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema([pa.field(name, pa.string()) for name in COLUMNS])
