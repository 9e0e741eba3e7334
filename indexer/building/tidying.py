"""Keeping the table small: a table grows by a file and a version with every write, however little it brings.

Above `MOST_PARTS` files or versions, small files are merged and old versions deleted. What readers may have open is kept: the state that
the manifest names while this runs, what came after it, and everything of the last hour. Rows stay, in their order.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.table import ImageTable

MOST_PARTS = 64
KEPT_SECONDS = 3600.0
_MARGIN_SECONDS = 60.0


def tidy(folder: Path, table: ImageTable, progress: Progress) -> None:
    """Compacts a table that has come to too many files or versions, while the journal of the write that it belongs to lies there.

    Args:
        folder: the artefact; the caller holds its lock.
        table: its table, at the latest version.
        progress: is told.
    """
    journal = Journal.read(folder)
    if journal is None or table.num_parts() <= MOST_PARTS:
        return
    kept = [version for version in (journal.base_version, _named(folder)) if version is not None]
    ages = [time.time() - written for version, written in table.versions() if version in kept]
    replace(journal, cleaning=True).write(folder)
    before = table.num_parts()
    table.compact(timedelta(seconds=max([KEPT_SECONDS, *ages]) + _MARGIN_SECONDS))
    progress.print(f"the table was compacted: {before:,} files and versions, now {table.num_parts():,}")


def _named(folder: Path) -> int | None:
    """The version that readers have, if there is a manifest."""
    try:
        return Manifest.read(folder).table_version
    except ArtefactError:
        return None
