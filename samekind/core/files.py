"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary sibling of `path` to write to, which takes its place when the block ends without an error.

    A reader, and a crash at any moment, finds the old file or the new one, never a part. Each writer has a temporary of its own
    (`<name>.<random>.tmp`), so that of several at once the last one to finish wins. The errors of the block and those of the file system
    are the caller's to explain; the temporary is gone either way.

    Args:
        path: the file; its folder must exist.

    Raises:
        OSError: the temporary cannot be flushed to the disk or moved.

    Example:
        >>> with atomic_path(Path("meta.json")) as temporary:
        ...     temporary.write_text("{}")
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink()
