"""CSV files that are safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from samekind.core.errors import InputError
from samekind.core.files import atomic_path

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: str) -> str:
    """The text so that a spreadsheet shows it and does not compute it: a quotation mark stands before what would begin a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def write_csv(file: str | Path, header: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Writes a CSV file as a whole or not at all, for people and spreadsheets: cells that begin like a formula are made harmless.

    Raises:
        InputError: it cannot be written.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in line] for line in lines)
    try:
        with atomic_path(Path(file)) as temporary:
            temporary.write_bytes(stream.getvalue().encode())
    except OSError as error:
        raise InputError(f"cannot write {file}: {error.strerror or error}", hint="choose another place") from error
