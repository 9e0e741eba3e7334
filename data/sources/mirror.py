"""A corpus that lies in an object store: a copy of its files in the cache, which the next command brings up to date.

A folder is decoded when it is read, again when it is embedded or trained on, and pages show its originals: fetched once, all that costs the
network nothing. What is read is an ordinary folder, so layouts, labels and splits are those of any other.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from samekind.core.cache_home import cache_home
from samekind.core.cache_limit import free_bytes
from samekind.core.errors import CorpusError
from samekind.core.files import atomic_path
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.data.decoding.object_store import opened_store, reached

STATE = "files.json"
_COPIES = "copies"  # their folder in the cache
_AT_ONCE = 16  # files under way: each waits for the store
_ARRIVING = "arriving-"  # how folders of files under way begin; in the folder of the target each would look through all that have arrived
_DAY = 24 * 3600.0  # seconds
_CHUNK = 256  # files after which what has arrived is noted
_Stamp = list[int]  # size in bytes, and nanoseconds of the time at which the store says that it was written


@dataclass(frozen=True)
class _Copy:
    """Where a corpus' files lie here, and what is known of them."""

    address: str
    place: Path

    @property
    def state(self) -> Path:
        return self.place.parent / STATE

    def known(self) -> dict[str, _Stamp]:
        """What was copied, by the names below the address; empty if nobody knows."""
        return _state(self.state)[1]

    def note(self, files: Mapping[str, _Stamp]) -> None:
        with atomic_path(self.state) as temporary:
            temporary.write_text(json.dumps({"address": self.address, "files": files}), encoding="utf-8")

    def file(self, name: str) -> Path:
        return self.place / name if name else self.place

    def is_here(self, name: str, stamp: _Stamp, known: Mapping[str, _Stamp]) -> bool:
        file = self.file(name)
        return known.get(name) == stamp and file.is_file() and file.stat().st_size == stamp[0]


@dataclass(frozen=True)
class KeptCopy:
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
    """All copies, by their addresses. Deleting one costs nothing but time."""
    found = []
    for state in sorted((cache_home() / _COPIES).glob(f"*/{STATE}")):
        address, files = _state(state)
        size = sum(stamp[0] for stamp in files.values())
        found.append(KeptCopy(address or str(state.parent), state.parent, size))
    return sorted(found, key=lambda copy: copy.address)


def _state(file: Path) -> tuple[str, dict[str, _Stamp]]:
    """What is noted of a copy: its address, and size and time of each file by its name below; nothing if nobody knows."""
    try:
        noted = json.loads(file.read_text(encoding="utf-8"))
        return str(noted["address"]), dict(noted["files"])
    except (OSError, ValueError, TypeError, KeyError):
        return "", {}


def place_of(address: str) -> Path:
    """Where the copy of a corpus lies, or would lie: a folder of its own in the cache, called as it is called in the store."""
    digest = hashlib.sha256(address.rstrip("/").encode()).hexdigest()[:16]
    name = address.rstrip("/").rsplit("/", 1)[-1]
    return cache_home() / _COPIES / digest / (name if _fits_a_disk(name) else "images")


def mirrored(address: str, progress: Progress | None = None) -> Path:
    """Brings the copy of a folder or file in an object store up to date, and returns where it lies.

    Files are compared by size and time; only what has changed is fetched, what the store has no more goes, and an interrupted copy goes on.

    Args:
        address: such as `s3://bucket/photos`.
        progress: shows a bar.

    Raises:
        CorpusError: there is nothing, the store cannot be reached, or the disk has no room.
        InputError: nobody knows this kind of address.
        MissingDependencyError: the package that does is not installed.
    """
    address, shown = address.rstrip("/"), progress or NoProgress()
    copy = _Copy(address, place_of(address))
    with reached(address):
        store, root = opened_store(address)
        there, left_out = _listed(store, root, address)
    known = copy.known()
    kept = {name: stamp for name, stamp in there.items() if copy.is_here(name, stamp, known)}
    wanted = {name: stamp for name, stamp in there.items() if name not in kept}
    _make_room(copy, sum(size for size, _ in wanted.values()))
    copy.place.parent.mkdir(parents=True, exist_ok=True)
    for name in known.keys() - there.keys():
        _remove(copy.file(name))
    if left_out:
        shown.print(f"{counted(left_out, 'file')} of {address} left out: no disk can hold such names")
    _fetch(copy, store, root, kept, wanted, shown)
    return copy.place


def _listed(store: Any, root: str, address: str) -> tuple[dict[str, _Stamp], int]:
    """The files below an address by their names there, the empty name for the address itself; and how many no disk can hold."""
    from pyarrow import fs

    found = store.get_file_info(root)
    if found.type == fs.FileType.File:
        return {"": _stamp(found)}, 0
    if found.type != fs.FileType.Directory:
        raise CorpusError(f"there is nothing at {address}", hint="check the address")
    infos = store.get_file_info(fs.FileSelector(root, recursive=True))
    above = f"{root.strip('/')}/"  # some stores give paths with a slash before them
    files = {info.path.lstrip("/").removeprefix(above): _stamp(info) for info in infos if info.type == fs.FileType.File}
    folders = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    good = {name: stamp for name, stamp in files.items() if _fits_a_disk(name) and name not in folders}
    return good, len(files) - len(good)


def _stamp(info: Any) -> _Stamp:
    return [int(info.size or 0), int(info.mtime_ns or 0)]


def _fits_a_disk(name: str) -> bool:
    """False for names that would lead out of the folder, or that a disk cannot hold."""
    parts = name.split("/")
    return all(part not in ("", ".", "..") and "\0" not in part and len(part.encode()) < 250 for part in parts)


def _make_room(copy: _Copy, size: int) -> None:
    if size > free_bytes():
        raise CorpusError(
            f"{copy.address} has {size / 1e9:.1f} GB to copy, and {free_bytes() / 1e9:.1f} GB are free where the cache lies",
            hint="name a larger disk: SAMEKIND_CACHE_DIR=FOLDER",
        )


def _fetch(
    copy: _Copy, store: Any, root: str, kept: dict[str, _Stamp], wanted: dict[str, _Stamp], progress: Progress
) -> None:
    """Copies files, and notes now and then which have arrived."""
    names, arrived = list(wanted), dict(kept)
    if not names:
        return copy.note(arrived)
    _sweep(copy)
    with (
        reached(copy.address),
        TemporaryDirectory(dir=copy.place.parent, prefix=_ARRIVING, ignore_cleanup_errors=True) as arriving,
        ThreadPoolExecutor(_AT_ONCE) as pool,
        progress.task(f"Copying {copy.address}", len(names)) as task,
    ):

        def fetch(number: int) -> None:
            name = names[number]
            temporary, target = Path(arriving, str(number)), copy.file(name)
            with store.open_input_stream(f"{root}/{name}" if name else root) as source, temporary.open("wb") as file:
                shutil.copyfileobj(source, file)
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)

        for start in range(0, len(names), _CHUNK):
            chunk = range(start, min(start + _CHUNK, len(names)))
            for number, _ in zip(chunk, pool.map(fetch, chunk), strict=True):
                arrived[names[number]] = wanted[names[number]]
                task.advance()
            copy.note(arrived)
    return None


def _sweep(copy: _Copy) -> None:
    """Deletes what a killed process was fetching; what is younger than a day may be under way in another."""
    for folder in copy.place.parent.glob(f"{_ARRIVING}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _DAY:
                shutil.rmtree(folder)


def _remove(file: Path) -> None:
    """Removes a file that the store has no more, and the folders that it leaves empty."""
    with suppress(OSError):
        file.unlink()
        for folder in file.parents:
            folder.rmdir()
