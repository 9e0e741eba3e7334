"""One process at a time fetches into a folder of the cache: two would write into one file, or fetch everything twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from samekind.core.progress import NoProgress, Progress


@contextmanager
def alone_in(folder: Path, what: str, progress: Progress | None = None) -> Iterator[None]:
    """Waits for whoever fetches there already. A folder that cannot be written, or knows no locks, needs no such care.

    Args:
        folder: of the cache; made if need be.
        what: is fetched, in words: a line says that another process does.
        progress: is told that.
    """
    lock = FileLock(folder / ".lock", fallback_to_soft=False)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            (progress or NoProgress()).print(f"waiting for another process that fetches {what}")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()
