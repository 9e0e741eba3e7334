"""What is known of one image of the corpus, as plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samekind.core.text import one_line

NO_FILE = "not at hand: shown is the small picture that the index keeps"


def of(row: Mapping[str, Any], size: int | None) -> str:
    """A line for each fact, whatever names hold.

    Args:
        row: of the index.
        size: bytes of the file; `None` if it is not there, or not what was indexed.
    """
    lines = {
        "id": row["id"],
        "class": row["label"],
        "split": row["split"],
        "pixels": f"{row['width']:,} × {row['height']:,}",
        "path": row["uri"],
        "file": NO_FILE if size is None else _readable(size),
    }
    return "\n".join(f"{name:6}  {one_line(str(value))}" for name, value in lines.items() if value is not None)


def _readable(size: int) -> str:
    """A number of bytes as people say it."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:,.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:,.1f} MB"
