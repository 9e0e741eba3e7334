"""Greatest length and CSV form of the tables of label issues and of near duplicates."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from samekind.core.cells import guarded
from samekind.core.errors import InputError


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
