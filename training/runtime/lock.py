"""One writing process per artefact: a lock that the operating system holds, so a killed process leaves none behind.

The presence of the file `.lock` means nothing. `filelock` locks it: by `flock` on Unix, as samekind itself did before (on NFS, Linux maps
that to a lock of the server), and by a byte-range lock on Windows. A forked loader worker, which may outlive a killed parent, closes its
copy of the lock at once. File systems without locks are used unguarded.

Whoever reads a file of the cache holds a shared lock of the file itself, so that it is not deleted meanwhile: only by whoever can lock it
alone. Windows has no need of that: it deletes no file that is open.
"""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from samekind.core.errors import ArtefactError

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM)
_asking = threading.Lock()
"""Two threads that ask at once would each see the other's lock."""


@contextmanager
def exclusive(folder: Path, name: str = LOCK, wait: float = 0.0) -> Iterator[None]:
    """Keeps every other process, and every other caller in this one, out of `folder`, which is made if need be.

    Readers ask for no lock. It is not re-entrant: take it once, at the outermost step that writes.

    Args:
        folder: what is written.
        name: of the lock's file, where only a part of the folder is.
        wait: seconds to wait for somebody else who holds it.

    Raises:
        ArtefactError: somebody else holds it, or the folder cannot be written.
    """
    lock = FileLock(folder / name, timeout=wait, fallback_to_soft=False)
    _acquire(lock, folder)
    try:
        yield
    finally:
        lock.release()


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        hint = "wait until it has ended, or use another folder"
        raise ArtefactError(f"another samekind process is working in {folder}", hint=hint) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # better unguarded than unusable
            hint = "choose another --out, or mend the permissions"
            raise ArtefactError(f"cannot write to {folder}: {error.strerror}", hint=hint) from error


def is_held(folder: Path, name: str = LOCK) -> bool:
    """True if somebody holds the lock. Finding out takes it for a moment, so whoever takes such a lock waits a little for it.

    False where it was never taken, or on a file system without locks.
    """
    if not (folder / name).is_file():
        return False
    lock = FileLock(folder / name, timeout=0, fallback_to_soft=False)
    try:
        with _asking:
            lock.acquire()
            lock.release()
    except Timeout:
        return True
    except OSError:
        return False
    return False


def mark_as_read(descriptor: int) -> None:
    """Keeps `can_be_deleted` false of an open file until this descriptor, and every copy of it in a forked process, is closed."""
    if sys.platform != "win32":
        with suppress(OSError):  # no locks on this file system
            fcntl.flock(descriptor, fcntl.LOCK_SH)


def can_be_deleted(descriptor: int) -> bool:
    """True if nobody reads an open file; from then on whoever wants to read it waits until this descriptor is closed."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
