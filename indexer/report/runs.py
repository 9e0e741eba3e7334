"""The artefacts that lie in a folder, such as `artifacts/`: which there are, and which one to look at first."""

from __future__ import annotations

from pathlib import Path

from samekind.core.errors import SamekindError
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.storage.layout import JOURNAL, MANIFEST, TABLE_FOLDER
from samekind.training.runtime.artefact import META

MOST_LOOKED_AT = 2000
"""Folders; a home folder or a network drive may hold any number."""


def find_runs(path: str | Path) -> list[Path]:
    """Artefacts with an index, the one indexed last first.

    Args:
        path: a folder of artefacts; or an artefact, which gives that one (if it has an index) and those beside it.

    Returns:
        Their folders, below `path` or beside it; none where nothing can be read. Whether they can be opened is not looked at.
    """
    named = Path(path)
    around = named.resolve().parent if _is_artefact(named) else named
    try:
        folders = sorted(each for each in around.iterdir() if not each.name.startswith("."))[:MOST_LOOKED_AT]
    except OSError:
        return []
    indexed = [(_indexed(folder), folder) for folder in folders]
    return [folder for when, folder in sorted(indexed, reverse=True) if when]


def first_run(path: str | Path) -> Path:
    """The artefact to look at first: the path itself if it is one, or else the run in that folder that was indexed last and can be opened.

    Args:
        path: an artefact, or a folder of several.

    Returns:
        Its folder. Where none can be opened, the newest; where there is none, `path`. Opening that says what is wrong.
    """
    named = Path(path)
    runs = [] if _is_artefact(named) else find_runs(named)
    return next((run for run in runs if _opens(run)), runs[0] if runs else named)


def _is_artefact(folder: Path) -> bool:
    return any((folder / part).exists() for part in (MANIFEST, META, JOURNAL, TABLE_FOLDER))


def _indexed(folder: Path) -> float:
    """When the index was written; 0 without one."""
    try:
        return (folder / MANIFEST).stat().st_mtime
    except OSError:
        return 0.0


def _opens(run: Path) -> bool:
    try:
        OpenedIndex.open(run)
    except SamekindError:
        return False
    return True
