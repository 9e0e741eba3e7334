"""One writing process per artefact: a lock that the kernel holds, so a killed process leaves none behind.

The file `.lock` stays; being there it means nothing. Windows and file systems without locks go on unguarded.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from samekind.core.errors import ArtefactError

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"
_held: set[int] = set()


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keeps every other process, and every other caller in this one, out of `folder`, which is made if need be.

    Readers ask for no lock. It is not re-entrant: take it once, at the outermost step that writes.

    Raises:
        ArtefactError: somebody else holds it, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise ArtefactError(
            f"cannot write to {folder}: {error.strerror}", hint="choose another --out, or mend the permissions"
        ) from error
    _held.add(descriptor)
    try:
        _lock(descriptor, folder)
        yield
    finally:
        if descriptor in _held:  # not so in a forked child, which has closed it
            _held.discard(descriptor)
            os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        hint = "wait until it has ended, or use another folder"
        raise ArtefactError(f"another samekind process is working in {folder}", hint=hint) from error
    except OSError:
        pass  # this file system knows no locks: better unguarded than unusable


def _forget_in_child() -> None:
    """A forked loader worker shares the lock and may outlive a killed parent: it must not keep the folder locked."""
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_forget_in_child)
