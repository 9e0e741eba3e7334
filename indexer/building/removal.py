"""Taking rows out of an index, so that a removal that was interrupted can be finished by whoever comes next.

The journal names the ids before the first row is deleted. Deleting twice deletes once, so nothing has to be counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from samekind.core.errors import ArtefactError
from samekind.core.progress import NoProgress, Progress
from samekind.indexer.building.finish import finish
from samekind.indexer.storage.checks import check_finished
from samekind.indexer.storage.journal import Journal
from samekind.indexer.storage.layout import MANIFEST
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.table import ImageTable, id_chunks
from samekind.training.runtime.lock import exclusive


def remove_rows(folder: Path, ids: Sequence[str], progress: Progress | None = None) -> None:
    """Deletes rows and rebuilds FAISS index and manifest.

    Args:
        folder: a finished index.
        ids: rows to delete; all are there.
        progress: shows a bar.

    Raises:
        ArtefactError: the index is not finished, or another process is working there.
    """
    progress = progress or NoProgress()
    with exclusive(folder):
        finish_removal_locked(folder, progress)
        check_finished(folder)
        manifest = Manifest.read(folder)
        Journal(manifest.encoder, ImageTable(folder).version, manifest.corpora, delete=tuple(ids)).write(folder)
        finish_removal_locked(folder, progress)


def finish_removal(folder: Path) -> tuple[str, ...]:
    """Finishes a removal that was interrupted, if there is one.

    Returns:
        The ids that it was to remove.

    Raises:
        ArtefactError: another process is working there.
    """
    if not _interrupted(folder):
        return ()
    with exclusive(folder):
        return finish_removal_locked(folder, NoProgress())


def finish_removal_if_free(folder: Path) -> tuple[str, ...]:
    """`finish_removal` for a reader: where somebody is at work, or the folder cannot be written, it goes on with the state before.

    Raises:
        ArtefactError: it cannot be finished, and there is no state before.
    """
    try:
        return finish_removal(folder)
    except ArtefactError:
        if not (folder / MANIFEST).is_file():
            raise
        return ()


def finish_removal_locked(folder: Path, progress: Progress) -> tuple[str, ...]:
    """`finish_removal` for a caller that holds the lock of the folder."""
    journal = _interrupted(folder)
    if journal is None:
        return ()
    table = ImageTable(folder)
    for part in id_chunks(journal.delete):
        table.delete(part)
    finish(folder, journal.encoder, journal.corpora, progress)
    return journal.delete


def _interrupted(folder: Path) -> Journal | None:
    """The journal of a removal, or of a merge, which takes out nothing: what is left to do needs no corpus."""
    journal = Journal.read(folder)
    if journal is None or journal.corpus is not None or journal.base_version is None:
        return None
    return journal if ImageTable(folder).exists() else None
