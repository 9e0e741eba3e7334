"""What curation has found of many images, kept in the cache: a page or a command that asks the same again waits for no second search.

The name is the digest of the index' manifest, which holds the hashes of vectors, rows and table, and of what was asked. What has
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
from typing import TYPE_CHECKING, Any

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.training.runtime.artefact import write_atomically
from samekind.training.runtime.cache_folder import SUFFIXES, CacheEntry, cache_folder, reserve
from samekind.training.runtime.lock import exclusive

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

WORTH = 10_000
"""Images from which on it is kept: of fewer it is found in seconds."""
KIND = "lists"
_FORMAT = 1
_HINT = "delete what the cache holds: samekind cache --purge"


def kept_or_found(
    index: OpenedIndex, name: str, asked: object, find: Callable[[], Any], progress: Progress | None = None
) -> Any:
    """The findings of `find`, from the cache if they are there; a cache that cannot be written is done without.

    Args:
        index: what is searched.
        name: of what is found, in the plural.
        asked: settings that decide the findings, as JSON has them.
        find: finds them, as JSON has them.
        progress: says so if they cannot be kept.
    """
    if len(index) < WORTH:
        return find()
    entry = CacheEntry(cache_folder() / KIND / f"{_digest(index, name, asked)}{SUFFIXES[KIND]}")
    with suppress(OSError, EOFError, zlib.error, ValueError):  # not there, or damaged
        found = json.loads(gzip.decompress(entry.file.read_bytes()))
        with suppress(OSError):
            os.utime(entry.file)  # of others, or on a disk that cannot be written: then it may be deleted sooner
        return found
    found = find()
    try:
        _write(entry, f"{name} of {counted(len(index), 'image')}", found, progress or NoProgress())
    except (ArtefactError, OSError) as error:
        (progress or NoProgress()).print(f"{name} are not kept for the next time: {error}")
    return found


def _write(entry: CacheEntry, what: str, found: Any, progress: Progress) -> None:
    content = gzip.compress(json.dumps(found).encode(), mtime=0)
    with exclusive(entry.file.parent, entry.lock):
        reserve(entry.file, len(content), what, _HINT, progress)
        write_atomically(entry.mark, json.dumps({"what": what}).encode())
        write_atomically(entry.file, content)


def _digest(index: OpenedIndex, name: str, asked: object) -> str:
    # Lists are of the encoder's own space.
    manifest = {key: value for key, value in index.manifest.items() if key != "adaptation"}
    decides = json.dumps([_FORMAT, name, asked, manifest], sort_keys=True)
    return hashlib.sha256(decides.encode()).hexdigest()[:32]
