"""Fingerprints of files: the whole of one, blocks of one, the names in the table's folder.

A file's *sample* is what opening compares: at most 16 blocks of 64 KiB, spread evenly, the first and the last among them. That is the whole
of a file of up to 1 MiB, and of a larger one it costs the same whatever its size: another index, another training's weights, a truncated
or a half-copied file differ in it. A few bytes that changed between two blocks do not show; `samekind verify` reads everything.

Times of change are not recorded: an artefact is a folder that can be copied, and a copy has other times although nothing is wrong with it,
while a damaged file that came back from a backup may have the right one.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from samekind.indexer.storage.layout import TABLE_FOLDER

_READ_BYTES = 1 << 22
_BLOCK_BYTES = 1 << 16
_BLOCKS = 16
SAMPLE_BYTES = _BLOCKS * _BLOCK_BYTES
"""Most that is read of a file when it is sampled."""


def file_sha256(path: Path) -> str:
    """Hex digest of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()


def file_sample(path: Path) -> str:
    """Hex digest of a file's sampled blocks; of the whole of a small file."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size <= _BLOCKS * _BLOCK_BYTES:
            return hashlib.sha256(stream.read()).hexdigest()
        for block in range(_BLOCKS):
            stream.seek(block * (size - _BLOCK_BYTES) // (_BLOCKS - 1))
            digest.update(stream.read(_BLOCK_BYTES))
    return digest.hexdigest()


def describe_file(path: Path) -> dict[str, Any]:
    """Size, SHA-256 and sample of a file, as the manifest keeps them."""
    return {"size": path.stat().st_size, "sha256": file_sha256(path), "sample": file_sample(path)}


def matches(path: Path, recorded: dict[str, Any], *, full: bool) -> bool:
    """True if a file is the one recorded.

    Args:
        path: the file.
        recorded: what `describe_file` said of it; manifests of format 1 hold no sample, and the whole file is read.
        full: reads all of it, not only the sample.
    """
    if path.stat().st_size != recorded.get("size"):
        return False
    if full or "sample" not in recorded:
        return bool(file_sha256(path) == recorded.get("sha256"))
    return bool(file_sample(path) == recorded["sample"])


def table_file_names(folder: Path) -> list[str]:
    """The table's data, deletions and versions, as paths within its folder, sorted within each of the three."""
    root = folder / TABLE_FOLDER
    found = []
    for part in ("_versions", "_deletions", "data"):
        if (root / part).is_dir():
            names = sorted(entry.name for entry in os.scandir(root / part))
            found += [f"{part}/{name}" for name in names if not name.endswith(".json")]
    return found


def table_files(folder: Path, names: Sequence[str] | None = None) -> str:
    """Digest over names and sizes of the table's files; empty if there are none.

    Args:
        folder: the artefact.
        names: of the files, as `table_file_names` gives them; all of them, if left out. One that is missing makes another digest.
    """
    root, lines = folder / TABLE_FOLDER, []
    for name in table_file_names(folder) if names is None else names:
        with suppress(OSError):
            lines.append(f"{name} {(root / name).stat().st_size}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""
