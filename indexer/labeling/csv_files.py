"""CSV files of people's answers: read line by line, and a wrong line is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from samekind.core.cells import guarded, unguarded
from samekind.core.errors import InputError
from samekind.indexer.labeling.append_only import Timed
from samekind.training.runtime.artefact import write_atomically

TIMELESS = "0001-01-01T00:00:00+00:00"
"""Stands for the time of a line that has none, until it is added."""
_CLOCKS = timedelta(hours=1)  # how far two machines' clocks may be apart

Line = TypeVar("Line")
Answer = TypeVar("Answer", bound=Timed)


def write_lines(file: str | Path, header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Writes a CSV file as a whole or not at all.

    Raises:
        ArtefactError: it cannot be written.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream
    )  # lines end as RFC 4180 says: with another end, a note that holds one would not be quoted
    writer.writerow(header)
    writer.writerows([guarded(cell) for cell in line] for line in lines)
    write_atomically(Path(file), stream.getvalue().encode())


def read_lines(
    file: Path, header: Sequence[str], needed: Sequence[Sequence[str]], read: Callable[[dict[str, str]], Line]
) -> list[Line]:
    """The lines of a CSV file, each as what `read` makes of its columns.

    Args:
        file: the file, UTF-8.
        header: its first line as it should be, for the hint.
        needed: of each of these lists of columns one must be there.
        read: raises `InputError` or `TypeError` for a line that is wrong.

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
    missing = [names for names in needed if not set(names) & set(reader.fieldnames or ())]
    if missing:
        raise InputError(
            f"{file} has no column {' or '.join(missing[0])}", hint=f"its first line must be {','.join(header)}"
        )
    lines = []
    try:
        for row in reader:
            lines.append(read({name: unguarded(cell) if isinstance(cell, str) else cell for name, cell in row.items()}))
    except (InputError, TypeError, csv.Error) as error:
        reason = "it has too few columns" if isinstance(error, TypeError) else str(error)
        raise InputError(
            f"{file}, line {reader.line_num}: {reason}", hint=getattr(error, "hint", "") or "nothing was added"
        ) from error
    return lines


def not_in_the_future(answer: Answer) -> Answer:
    """The answer itself.

    Raises:
        InputError: its time is still to come.
    """
    if answer.moment > datetime.now(UTC) + _CLOCKS:
        raise InputError(
            f"{answer.moment.isoformat()} is in the future, so that no answer of today could take this one's place"
        )
    return answer
