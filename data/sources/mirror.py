"""A corpus that lies in an object store: a copy of its files in the cache, which the next command brings up to date.

A folder is decoded when it is read, again when it is embedded or trained on, and pages show its originals: fetched once, all that costs the
network nothing. What is read is an ordinary folder, so layouts, labels and splits are those of any other.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any, NamedTuple

from samekind.core.cache_home import VARIABLE, cache_home
from samekind.core.cache_limit import free_bytes
from samekind.core.errors import CorpusError
from samekind.core.files import atomic_path
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.data.decoding.object_store import Stamp, files_below, opened_store, reached
from samekind.data.layouts.passed_over import why_passed_over
from samekind.data.sources.turns import alone_in

STATE = "files.json"
_COPIES = "copies"  # their folder in the cache
_ARRIVING = "arriving-"  # how folders of files under way begin
_AT_ONCE = 16  # files under way: each waits for the store
_CHUNK = 256  # files that are asked for ahead: Ctrl-C waits for them
_SECONDS = 5.0  # between two notes of what has arrived
_FAILURES = 20  # in a row, after which the store is taken to be gone
_BLOCK = 1 << 20


class KeptCopy(NamedTuple):
    """A copy that lies in the cache.

    Attributes:
        address: what it is a copy of.
        folder: that holds it and what is noted of it.
        size: bytes.
    """

    address: str
    folder: Path
    size: int


def kept_copies() -> list[KeptCopy]:
    """All copies, by their addresses, also those that were interrupted. Deleting one costs nothing but time, while nobody reads it."""
    found = []
    for folder in sorted((cache_home() / _COPIES).glob("*/")):
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        found.append(KeptCopy(_noted(folder / STATE)[0] or str(folder), folder, size))
    return sorted(found)


def place_of(address: str) -> Path:
    """Where the copy of a corpus lies, or would lie: a folder of its own in the cache, called as it is called in the store."""
    address = address.rstrip("/")
    name = address.rsplit("/", 1)[-1]
    return (
        cache_home() / _COPIES / sha256(address.encode()).hexdigest()[:16] / (name if _fits_a_disk(name) else "images")
    )


def mirrored(address: str, progress: Progress | None = None, exclude: Sequence[str] = ()) -> Path:
    """Brings the copy of a folder or file in an object store up to date, and returns where it lies.

    Files are compared by size and by the time or tag that the store gives; only what has changed is fetched, what the store has no more
    goes, and an interrupted copy goes on. One process at a time: others wait.

    Args:
        address: such as `s3://bucket/photos`.
        progress: shows a bar.
        exclude: patterns of files and folders that nobody will look at.

    Raises:
        CorpusError: there is nothing, the store cannot be reached, or the disk has no room or cannot be written.
        InputError: nobody knows this kind of address.
        MissingDependencyError: the package that does is not installed.
    """
    shown, place = progress or NoProgress(), place_of(address)
    copy = _Copy(address.rstrip("/"), place, place.parent)
    with alone_in(copy.folder, copy.address, shown), _written_here(copy):
        copy.folder.mkdir(parents=True, exist_ok=True)
        with reached(copy.address):
            store, root = opened_store(copy.address)
            there = files_below(store, root, copy.address)
        good = {name: stamp for name, stamp in there.items() if name == "" or _can_lie_here(name, there)}
        if len(good) < len(there):
            what = counted(len(there) - len(good), "file")
            shown.print(f"{what} of {copy.address} left out: no disk can hold such names")
        _forget(copy, good)
        _bring(copy, (store, root), good, exclude, shown)
    return copy.place


class _Copy(NamedTuple):
    """Where a corpus' files lie here, and the folder that holds them and what is known of them."""

    address: str
    place: Path
    folder: Path

    def file(self, name: str) -> Path:
        return self.place / name if name else self.place

    def note(self, files: Mapping[str, Stamp]) -> None:
        with atomic_path(self.folder / STATE) as temporary:
            temporary.write_text(json.dumps({"address": self.address, "files": files}), encoding="utf-8")

    def has(self, name: str, stamp: Stamp, known: Mapping[str, Any]) -> bool:
        file = self.file(name)
        return known.get(name) == list(stamp) and file.is_file() and file.stat().st_size == stamp.size


def _noted(state: Path) -> tuple[str, dict[str, Any]]:
    """What is noted of a copy: its address, and the stamp of each file by its name; nothing if nobody knows."""
    try:
        noted = json.loads(state.read_text(encoding="utf-8"))
        return str(noted["address"]), dict(noted["files"])
    except (OSError, ValueError, TypeError, KeyError):
        return "", {}


@contextmanager
def _written_here(copy: _Copy) -> Iterator[None]:
    """Says of this disk what is this disk's fault."""
    try:
        yield
    except OSError as error:
        raise CorpusError(
            f"the copy of {copy.address} cannot be written to {copy.folder}: {error.strerror or error}",
            hint=f"make room, or name another disk: {VARIABLE}=FOLDER",
        ) from error


def _can_lie_here(name: str, there: Mapping[str, Stamp]) -> bool:
    """False for names that would lead out of the folder, that a disk cannot hold, or below a file."""
    parts = name.split("/")
    return _fits_a_disk(*parts) and not any("/".join(parts[:n]) in there for n in range(1, len(parts)))


def _fits_a_disk(*parts: str) -> bool:
    return all(part not in ("", ".", "..") and "\0" not in part and len(part.encode()) < 250 for part in parts)


def _is_passed_over(name: str, exclude: Sequence[str]) -> bool:
    parts = name.split("/") if name else []
    return any(
        why_passed_over(parts[:n], exclude, is_folder=n < len(parts)) is not None for n in range(1, len(parts) + 1)
    )


def _forget(copy: _Copy, there: Mapping[str, Stamp]) -> None:
    """Deletes whatever the store has no more, noted or not, and what killed processes were fetching."""
    for folder in copy.folder.glob(f"{_ARRIVING}*"):
        shutil.rmtree(folder, ignore_errors=True)
    if not copy.place.is_dir():
        if "" not in there:
            copy.place.unlink(missing_ok=True)
        return
    for path in sorted(copy.place.rglob("*"), reverse=True):  # what lies in a folder before the folder
        if path.is_dir() and not path.is_symlink():
            with suppress(OSError):  # it still holds something
                path.rmdir()
        elif path.relative_to(copy.place).as_posix() not in there:
            path.unlink()
    if "" in there:
        copy.place.rmdir()


def _bring(
    copy: _Copy, source: tuple[Any, str], there: Mapping[str, Stamp], exclude: Sequence[str], progress: Progress
) -> None:
    """Fetches what is not here yet, and not excluded."""
    known = _noted(copy.folder / STATE)[1]
    here = {name: stamp for name, stamp in there.items() if copy.has(name, stamp, known)}
    new = {name: stamp for name, stamp in there.items() if name not in here and not _is_passed_over(name, exclude)}
    size = sum(stamp.size for stamp in new.values())
    if size > free_bytes():
        raise CorpusError(
            f"{copy.address} has {size / 1e9:.1f} GB to copy, and {free_bytes() / 1e9:.1f} GB are free where the cache lies",
            hint=f"name a larger disk: {VARIABLE}=FOLDER",
        )
    copy.note(here)
    if new:
        failed = _fetch(copy, source, here, new, progress)
        if len(failed) == len(new):
            raise next(iter(failed.values()))
        if failed:
            what, why = counted(len(failed), "file"), next(iter(failed.values()))
            progress.print(f"{what} could not be fetched, and the next call tries again: {why}")


def _fetch(
    copy: _Copy, source: tuple[Any, str], here: dict[str, Stamp], new: Mapping[str, Stamp], progress: Progress
) -> dict[str, CorpusError]:
    """Copies files and notes which have arrived, in `here`, too; returns those that the store did not give."""
    store, root = source
    failed: dict[str, CorpusError] = {}
    names, in_a_row, noted, stop = list(new), 0, time.monotonic(), Event()
    with (
        TemporaryDirectory(dir=copy.folder, prefix=_ARRIVING, ignore_cleanup_errors=True) as arriving,
        ThreadPoolExecutor(_AT_ONCE) as pool,
        progress.task(f"Copying {copy.address}", len(names)) as task,
    ):

        def fetch(number: int) -> None:
            name, temporary = names[number], Path(arriving, str(number))
            address = f"{copy.address}/{name}" if name else copy.address
            _download(store, f"{root}/{name}" if name else root, temporary, address, stop)
            if temporary.stat().st_size != new[name].size:
                raise CorpusError(f"{address} arrived in part", hint="run the same command again")
            target = copy.file(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)

        try:
            for start in range(0, len(names), _CHUNK):
                numbers = range(start, min(start + _CHUNK, len(names)))
                of = {pool.submit(fetch, number): names[number] for number in numbers}
                for done in as_completed(of):
                    try:
                        done.result()
                        here[of[done]], in_a_row = new[of[done]], 0
                    except CorpusError as error:
                        failed[of[done]], in_a_row = error, in_a_row + 1
                    task.advance()
                    if time.monotonic() - noted > _SECONDS:
                        copy.note(here)
                        noted = time.monotonic()
                if in_a_row >= _FAILURES:
                    raise next(iter(failed.values()))
        finally:
            stop.set()  # Ctrl-C need not wait for the rest of large files
            pool.shutdown(wait=False, cancel_futures=True)
            copy.note(here)
    return failed


def _download(store: Any, path: str, target: Path, address: str, stop: Event) -> None:
    with reached(address):
        source = store.open_input_stream(path)
    with source, target.open("wb") as file:
        while not stop.is_set():
            with reached(address):
                block = source.read(_BLOCK)
            if not block:
                return
            file.write(block)
