"""Files that appear whole or not at all."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MADE_BY = re.compile(r"(?P<name>.+)\.(?:(?P<place>[0-9a-f]{4})-(?P<pid>[0-9a-f]+)-)?[0-9a-f]{8}\.tmp", re.DOTALL)
_DAY = 24 * 3600.0  # seconds


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` to write to, which takes its place when the block ends without an error.

    A reader, and a crash at any moment, finds the old file or the new one, never a part. Each writer has a temporary of its own
    (`<name>.<place>-<process>-<random>.tmp`), so that of several at once the last one to finish wins. The errors of the block and those of
    the file system are the caller's to explain; the temporary is gone either way. What a killed process has left in the folder goes, too:
    the same command again may have other files to write. So a block writes to its temporary alone, and lets no library make one of its own.

    Args:
        path: the file; its folder must exist.

    Raises:
        OSError: the temporary cannot be flushed to the disk or moved.

    Example:
        >>> with atomic_path(Path("meta.json")) as temporary:
        ...     temporary.write_text("{}")
    """
    _sweep(path)
    temporary = path.with_name(f"{path.name}.{_place()}-{os.getpid():x}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()


@functools.cache
def _place() -> str:
    """Tells where process numbers mean the same: this machine and, on Linux, this container."""
    container = 0
    with suppress(OSError):
        container = os.stat("/proc/self/ns/pid").st_ino
    return hashlib.sha256(f"{platform.node()} {container}".encode()).hexdigest()[:4]


def _sweep(path: Path) -> None:
    """Deletes the temporaries in the folder of `path` whose writers live no more; of those without a name, only those of `path`."""
    for found in path.parent.glob("*.tmp"):
        made_by = _MADE_BY.fullmatch(found.name)
        with suppress(OSError):
            if made_by and (made_by["pid"] or made_by["name"] == path.name) and _is_stale(found, made_by):
                found.unlink()


def _is_stale(temporary: Path, made_by: re.Match[str]) -> bool:
    """True if the process is gone; of another machine's, and on Windows, if nobody has written for a day."""
    place, pid = made_by["place"], made_by["pid"]
    if pid is None or place != _place() or sys.platform == "win32":  # where signal 0 would end the process
        return time.time() - temporary.stat().st_mtime > _DAY
    try:
        os.kill(int(pid, 16), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        pass  # somebody else's, and alive
    return False
