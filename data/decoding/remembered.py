"""Reading a folder again and again without decoding what has not changed: for whoever watches it.

A file is taken for unchanged while size and time of change (in nanoseconds) are. The memory is the process' own and lasts as long as the
block; ten thousand files take a few MB.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samekind.data.decoding.files import ReadFile, read_file
from samekind.data.types.reading import Reading

_Stamp = tuple[int, int]
_remembered: dict[Path, tuple[_Stamp, Reading, ReadFile]] | None = None


@contextmanager
def remembering_files() -> Iterator[None]:
    """Within the block, `read_once` reads a file only if it has changed since it was read last."""
    global _remembered
    _remembered = {}
    try:
        yield
    finally:
        _remembered = None


def read_once(path: Path, reading: Reading) -> ReadFile:
    """`read_file`, or what it gave for the same file before, within `remembering_files`."""
    memory, stamp = _remembered, None
    if memory is None:
        return read_file(path, reading)
    with suppress(OSError):
        found = path.stat()
        stamp = found.st_size, found.st_mtime_ns
    known = memory.get(path)
    if known is not None and known[:2] == (stamp, reading):
        return known[2]
    read = read_file(path, reading)
    if stamp is not None:
        memory[path] = stamp, reading, read
    return read
