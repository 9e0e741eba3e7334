"""Verdicts as a CSV file: how they leave an artefact and reach another one."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from samekind.indexer.labeling.csv_files import TIMELESS, not_in_the_future, read_lines, write_lines
from samekind.indexer.labeling.verdicts import COLUMNS, Verdict, VerdictTable, num_gone


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
    write_lines(file, COLUMNS, map(astuple, verdicts))
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
    needed = [[name] for name in COLUMNS[:3]]
    return list(dict.fromkeys(read_lines(file, COLUMNS, needed, _verdict_of)))


def _verdict_of(row: dict[str, str]) -> Verdict:
    values = {name: value for name in COLUMNS if (value := row.get(name)) is not None}
    for name in values.keys() - {"who", "note", "screen"}:
        values[name] = values[name].strip()
    return not_in_the_future(Verdict(**{**values, "when": values.get("when") or TIMELESS}))


def _forms(verdict: Verdict) -> list[Verdict]:
    """A verdict as it may stand in a file: with or without its time and its screen."""
    return [
        replace(verdict, when=when, screen=screen)
        for when in (verdict.when, TIMELESS)
        for screen in (verdict.screen, "")
    ]


def _now(verdict: Verdict) -> Verdict:
    return replace(verdict, when=datetime.now(UTC).isoformat()) if verdict.when == TIMELESS else verdict
