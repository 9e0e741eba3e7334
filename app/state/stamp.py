"""Whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int]
NONE: Stamp = (0, 0)
"""Of a file that is not there."""


def stamp(file: Path) -> Stamp:
    """Time of change and size of a file that is replaced as a whole; `NONE` if there is none."""
    try:
        status = file.stat()
    except OSError:
        return NONE
    return (status.st_mtime_ns, status.st_size)
