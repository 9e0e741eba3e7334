"""FAISS indexes as files: written atomically, read by mapping them into memory.

A mapped file is read where a search touches it, so loading costs the same at any size, and processes that search one index share its
memory. Builds replace the file by a rename and never write into it: whoever has the old one mapped keeps it. Windows cannot replace a
mapped file, so there, and with a FAISS that cannot map these index types (before 1.11), the file is read in full.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.core.files import atomic_path
from samekind.indexer.search.faiss_library import faiss

_FLAGS = 0 if sys.platform == "win32" else getattr(faiss, "IO_FLAG_MMAP_IFC", 0)


def read_index(path: Path) -> Any:
    """Maps an index file.

    Raises:
        ArtefactError: the file is missing or no FAISS index.
    """
    try:
        return faiss.read_index(str(path), _FLAGS)
    except RuntimeError as error:
        raise ArtefactError(f"cannot read {path}", hint="run samekind index again") from error


def write_index(index: Any, path: Path) -> None:
    """Writes an index file by a temporary file and a rename.

    Raises:
        ArtefactError: it cannot be written.
    """
    try:
        with atomic_path(path) as temporary:
            faiss.write_index(index, str(temporary))
    except (OSError, RuntimeError) as error:
        raise ArtefactError(f"cannot write {path}", hint="check permissions and free space") from error


def file_bytes(index: Any) -> int:
    """Size of the file that `write_index` would write, without writing it or holding it in memory."""
    size = 0

    def count(block: Any) -> None:
        nonlocal size
        size += len(block)

    faiss.write_index(index, faiss.PyCallbackIOWriter(count))
    return size
