"""Copies, hashes and the cache of a folder that work is done in."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def use_cache(folder: Path) -> None:
    """Keeps the cache of this process in a folder."""
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")


def copy(base: Path, target: Path) -> Path:
    """A copy of a prepared folder, in place of whatever is there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(base, target)
    return target
