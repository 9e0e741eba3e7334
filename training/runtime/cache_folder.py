"""The cache: arrays on disk that can be computed again, at most so large, the least recently used deleted first.

    features/<digest>.f16   features of a frozen backbone       pixels/<digest>.u8   decoded, resized images
    vectors/<digest>.f16    features after a whitening          packs/<digest>.npy   decoded images of a pack
    audits/<digest>.f64     each image's hardest negatives      lists/<digest>.gz       label errors, duplicates, leaks

Beside each array lie its mark (`.json`: what it is, and how many rows are done), its lock, and what else belongs to it
(`<digest>-….whitening`, `<digest>-near.json`). Whoever writes an array holds its lock, whoever reads it one that readers share: neither is
deleted meanwhile.
Lists are small: they appear whole and are read at once, without a lock. Packs are written by `data`, which knows nothing of the others:
they have neither mark nor lock, appear whole, and are read at once. A pack that does not fit into the limit is not kept, and for it none
but older packs go; here they count, and go like any other array when the next one needs room.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from samekind.core.cache_home import cache_home
from samekind.core.cache_limit import KINDS, LIMIT, cache_limit, free_bytes
from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.core.text import size_text
from samekind.training.runtime.lock import can_be_deleted, exclusive

SUFFIXES = dict(zip(KINDS, (".f16", ".u8", ".f16", ".f64", ".gz", ".npy"), strict=True))
PACKS = KINDS[-1]
_WAIT = 600.0  # seconds for another process that makes room


def cache_folder() -> Path:
    """The user's cache; deleting it costs nothing but time."""
    return cache_home()


@dataclass(frozen=True)
class CacheEntry:
    """One array of the cache.

    Attributes:
        file: the array; it may be unfinished.
    """

    file: Path

    @property
    def kind(self) -> str:
        """`features`, `pixels`, `vectors`, `audits`, `lists` or `packs`."""
        return self.file.parent.name

    @property
    def mark(self) -> Path:
        """The file that says what the array is and how many of its rows are done."""
        return self.file.with_suffix(".json")

    @property
    def lock(self) -> str:
        """Name of the file that its writer locks, in the same folder."""
        return f"{self.file.stem}.lock"

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(part.stat().st_size for part in (self.file, *self._beside()) if part.is_file())

    @property
    def last_used(self) -> float:
        """Seconds since 1970."""
        return max((path.stat().st_mtime for path in (self.mark, self.file) if path.is_file()), default=0.0)

    @property
    def state(self) -> dict[str, Any]:
        """The mark: `done` and, but for what older versions wrote, `what`; empty if there is none."""
        try:
            state = json.loads(self.mark.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    @property
    def what(self) -> str:
        """The array in words."""
        return str(self.state.get("what", "pixels of a pack" if self.kind == PACKS else self.kind))

    @property
    def in_use(self) -> bool:
        """True if a process writes or reads it."""
        with self.claimed() as free:
            return not free

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """True, and nobody else can write or open it, or False if somebody does."""
        with ExitStack() as held:
            free = False
            with suppress(ArtefactError, OSError):
                held.enter_context(exclusive(self.file.parent, self.lock))
                free = can_be_deleted(held.enter_context(self.file.open("rb")).fileno())
            yield free

    def delete(self) -> None:
        """Deletes it; the caller has claimed it. The empty file of the lock stays, since somebody may wait for it."""
        for part in (self.mark, *self._beside(), self.file):
            part.unlink(missing_ok=True)

    def _beside(self) -> list[Path]:
        return sorted(self.file.parent.glob(f"{self.file.stem}-*"))


def cache_entries() -> list[CacheEntry]:
    """All arrays, the least recently used first."""
    found = [
        CacheEntry(file) for kind, suffix in SUFFIXES.items() for file in (cache_folder() / kind).glob(f"*{suffix}")
    ]
    return sorted(found, key=lambda entry: entry.last_used)


def reserve(file: Path, size: int, what: str, hint: str, progress: Progress) -> None:
    """Makes a file of that size in the cache, its blocks taken; for that, the least recently used arrays that nobody uses are deleted.

    Args:
        file: the array; the caller holds its lock. One of another size is replaced.
        size: in bytes.
        what: the array in words.
        hint: what to do if it is too large.
        progress: is told what was deleted.

    Raises:
        ArtefactError: it does not fit into the disk or the limit. Nothing has been deleted then.
    """
    with exclusive(cache_folder(), "cache.lock", _WAIT):
        file.parent.mkdir(parents=True, exist_ok=True)
        CacheEntry(file).delete()
        _make_room(size, what, hint, progress)
        try:
            with file.open("wb") as stream:  # in full: what is written into the hole of a sparse file may find no room
                _allocate(stream.fileno(), size)
        except OSError as error:
            file.unlink(missing_ok=True)
            raise _disk_is_full(size, what, hint) from error


def purge(progress: Progress) -> tuple[list[CacheEntry], int]:
    """Deletes every array that nobody uses.

    Returns:
        The arrays that stay, and the bytes that were freed.
    """
    kept, freed = [], 0
    for entry in cache_entries():
        size = entry.size
        with entry.claimed() as free:
            if free:
                entry.delete()
                freed += size
            else:
                kept.append(entry)
                progress.print(f"in use, and kept: {entry.what} in {entry.file}")
    return kept, freed


def _make_room(size: int, what: str, hint: str, progress: Progress) -> None:
    entries = cache_entries()
    held = sum(entry.size for entry in entries)
    limit, free = cache_limit(held), free_bytes()
    with ExitStack() as claims:
        unused = _unused(entries, max(held + size - limit, size - free), claims)
        freed = sum(entry.size for entry in unused)
        if free + freed < size:
            raise _disk_is_full(size, what, hint)
        if held - freed + size > limit:
            raise ArtefactError(
                f"{what} take {size_text(size)}, and the cache may hold {size_text(limit)} ({size_text(held - freed)} of it are in use)",
                hint=f"set {LIMIT}={-(-(held - freed + size) // 10**9)}GB, or {hint}",
            )
        for entry in unused:
            used = f"{size_text(entry.size)}, last used {_day(entry.last_used)}"
            progress.print(f"deleted from the cache to make room: {entry.what} ({used})")
            entry.delete()


def _unused(entries: Sequence[CacheEntry], wanted: int, claims: ExitStack) -> list[CacheEntry]:
    """Arrays that nobody uses, in their order, until these are so many bytes; all of them if they are fewer."""
    unused: list[CacheEntry] = []
    for entry in entries:
        if wanted <= 0:
            break
        if claims.enter_context(entry.claimed()):
            unused.append(entry)
            wanted -= entry.size
    return unused


def _disk_is_full(size: int, what: str, hint: str) -> ArtefactError:
    return ArtefactError(
        f"{what} take {size_text(size)}, more than is free in {cache_folder()}", hint=f"make room there, or {hint}"
    )


def _day(seconds: float) -> str:
    return date.fromtimestamp(seconds).isoformat()


def _allocate(file: int, size: int) -> None:
    """Makes an open file that long, its blocks taken where the system can take them beforehand."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)
