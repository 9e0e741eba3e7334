"""What curation has found of many images, kept in the cache: a page or a command that asks the same again waits for no second search.

The name is the digest of what the manifest says of vectors, rows and table, of the version of samekind, and of what was asked. What has
changed has another name; what is stale is read by nobody and goes when the cache needs room. Answers are not part of it: whoever reads
puts them in.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

from samekind.core.errors import SamekindError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.training.runtime.artefact import write_atomically
from samekind.training.runtime.cache_folder import SUFFIXES, CacheEntry, cache_folder, reserve
from samekind.training.runtime.lock import exclusive

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

WORTH = 10_000
"""Images from which on it is kept: of fewer it is found in seconds."""
LISTED = 500
"""Entries of a list that is kept: a page shows as many, and who asks for fewer reads the same."""
KIND = "lists"
_DECIDES = ("encoder", "table_version", "table_files", "index", "rows_file", "delta")
_FORMAT = 1
_HINT = "delete what the cache holds: samekind cache --purge"
_PATIENCE = 5.0  # seconds for another process that writes the same
_DAMAGED = (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError)
Found = TypeVar("Found")


def num_listed(index: OpenedIndex, count: int) -> int:
    """Entries to look for where `count` are asked for."""
    return count if len(index) < WORTH else max(count, LISTED)


def kept_or_found(
    index: OpenedIndex,
    name: str,
    asked: object,
    find: Callable[[], Any],
    read: Callable[[Any], Found],
    progress: Progress | None = None,
) -> Found:
    """The findings of `find`, from the cache if they are there; a cache that cannot be written is done without.

    Args:
        index: what is searched.
        name: of what is found, in the plural.
        asked: settings that decide the findings, as JSON has them.
        find: finds them, as JSON has them.
        read: makes of them what is returned.
        progress: says so if they cannot be kept.
    """
    if len(index) < WORTH:
        return read(find())
    rows, digest = index.rows, _digest(index, name, asked)
    entry = CacheEntry(cache_folder() / KIND / f"{digest}{SUFFIXES[KIND]}")
    with suppress(*_DAMAGED):  # or not there, or of a version of samekind that forgot to say so
        kept = read(json.loads(gzip.decompress(entry.file.read_bytes())))
        with suppress(OSError):
            os.utime(entry.file)  # of others, or on a disk that cannot be written: then it may be deleted sooner
        return kept
    found = find()
    if index.rows is rows and _digest(index, name, asked) == digest:  # no other thread has taken images out meanwhile
        try:
            _write(entry, f"{name} of {counted(len(index), 'image')}", found, progress or NoProgress())
        except (SamekindError, OSError) as error:
            (progress or NoProgress()).print(f"{name} are not kept for the next time: {error}")
    return read(found)


def _write(entry: CacheEntry, what: str, found: Any, progress: Progress) -> None:
    content = gzip.compress(json.dumps(found).encode(), mtime=0)
    with exclusive(entry.file.parent, entry.lock, _PATIENCE):
        reserve(entry.file, len(content), what, _HINT, progress)
        write_atomically(entry.mark, json.dumps({"what": what}).encode())
        write_atomically(entry.file, content)


def _digest(index: OpenedIndex, name: str, asked: object) -> str:
    state = {field: index.manifest[field] for field in _DECIDES}
    decides = [_FORMAT, version("samekind"), name, asked, state, index.label_rule]
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:32]
