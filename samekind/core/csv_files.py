"""CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from samekind.core.cells import guarded
from samekind.core.errors import InputError
from samekind.core.files import atomic_path


def write_csv(file: str | Path, header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Writes a CSV file as a whole or not at all, for people and spreadsheets: cells that begin like a formula are text (`core.cells`).

    Raises:
        InputError: it cannot be written.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows([guarded(cell) for cell in line] for line in lines)
    try:
        with atomic_path(Path(file)) as temporary:
            temporary.write_bytes(stream.getvalue().encode())
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror or error}", hint="choose another place") from error
