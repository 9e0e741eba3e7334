"""Whether a file has changed since it was read."""

from __future__ import annotations

from pathlib import Path

Stamp = tuple[int, int]


def stamp(file: Path) -> Stamp:
    """Time of change and size of a file that is replaced as a whole; zeros if there is none."""
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
