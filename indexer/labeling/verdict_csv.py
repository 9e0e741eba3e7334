"""Verdicts as a CSV file: how they leave an artefact and reach another one."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from samekind.core.errors import InputError
from samekind.indexer.labeling.verdicts import COLUMNS, Verdict, VerdictTable, num_gone
from samekind.training.runtime.artefact import write_atomically

TIMELESS = "0001-01-01T00:00:00+00:00"
"""Stands for the time of a line that has none, until it is added."""
_CLOCKS = timedelta(hours=1)  # how far two machines' clocks may be apart


@dataclass(frozen=True)
class Imported:
    """Outcome of an import.

    Attributes:
        added: verdicts that were new.
        kept: lines that were there already.
        gone: distinct lines about images that the index does not hold; they are added all the same, and count again if the images come
            back. `None` where there is no index to ask.
    """

    added: int
    kept: int
    gone: int | None = None


def export_verdicts(path: str | Path, file: str | Path) -> int:
    """Writes all verdicts of an artefact, the superseded too, as CSV; returns how many.

    Args:
        path: the artefact.
        file: `anchor_sha256, negative_sha256, verdict, who, when, note, screen` with a header, UTF-8.

    Raises:
        ArtefactError: the artefact is not there, or the file cannot be written.
    """
    verdicts = VerdictTable.of(path).all()
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream
    )  # lines end as RFC 4180 says: with another end, a note that holds one would not be quoted
    writer.writerow(COLUMNS)
    writer.writerows(map(astuple, verdicts))
    write_atomically(Path(file), stream.getvalue().encode())
    return len(verdicts)


def import_verdicts(path: str | Path, file: str | Path) -> Imported:
    """Adds the verdicts of a CSV file to an artefact; lines that are there already are left alone.

    One without a time is there if any time has it, and one without a screen if any screen has it.

    Args:
        path: the artefact.
        file: as `export_verdicts` writes it; `who`, `when`, `note` and `screen` may be missing, as `screen` is in files of release 0.1.

    Raises:
        ArtefactError: the artefact is not there or cannot be written.
        InputError: the file is no such table; the first wrong line is named, and nothing was added.
    """
    table = VerdictTable.of(path)
    wanted, there = read_csv(Path(file)), table.all()
    known = {verdict for each in there for verdict in _forms(each)}
    new = [_now(verdict) for verdict in wanted if verdict not in known]
    table.add(new)
    return Imported(len(new), len(wanted) - len(new), num_gone(path, wanted))


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
    for name in values.keys() - {"who", "note", "screen"}:
        values[name] = values[name].strip()
    verdict = Verdict(**{**values, "when": values.get("when") or TIMELESS})
    if verdict.moment > datetime.now(UTC) + _CLOCKS:
        raise InputError(f"{verdict.when} is in the future, so that no answer of today could take this one's place")
    return verdict


def _forms(verdict: Verdict) -> list[Verdict]:
    """A verdict as it may stand in a file: with or without its time and its screen."""
    return [
        replace(verdict, when=when, screen=screen)
        for when in (verdict.when, TIMELESS)
        for screen in (verdict.screen, "")
    ]


def _now(verdict: Verdict) -> Verdict:
    return replace(verdict, when=datetime.now(UTC).isoformat()) if verdict.when == TIMELESS else verdict
