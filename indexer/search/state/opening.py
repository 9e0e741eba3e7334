"""What an index is when it is opened: one state of it, also while somebody writes.

A writer that adds or removes leaves manifest and files in place until everything new lies beside them, and then puts that in their places
by a few renames. Whoever opens the index meanwhile gets the state before; whoever comes between two of these renames waits for the last.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from samekind.core.errors import ArtefactError
from samekind.indexer.search.state.held_files import HeldFiles
from samekind.indexer.storage.adaptation import Adaptation
from samekind.indexer.storage.checks import check_artefact, usable_adaptation
from samekind.indexer.storage.layout import DELTA_FILE, JOURNAL, MANIFEST, ROWS_FILE
from samekind.indexer.storage.manifest import Manifest, index_name
from samekind.indexer.storage.remedies import rebuild_command

_WAIT_SECONDS = 2.0
_ASK_SECONDS = 0.02


@dataclass(frozen=True)
class State:
    """One state of an index.

    Attributes:
        manifest: what belongs together.
        adaptation: that of the space, if there is one.
        files: rows and vectors, held as they are in this state.
    """

    manifest: Manifest
    adaptation: Adaptation | None
    files: HeldFiles


def read_state(folder: Path) -> State:
    """Reads and checks the state that an index is in.

    Raises:
        ArtefactError: there is no index, it is unfinished, or a part is missing or has changed.
    """
    until, refused = time.monotonic() + _WAIT_SECONDS, None
    while True:
        manifest = Manifest.read(folder)
        try:
            state = _checked(folder, manifest)
            if state.files.in_place() and Manifest.read(folder) == manifest:
                return state
        except ArtefactError as error:
            if _moves(folder, manifest):
                if time.monotonic() > until:
                    raise ArtefactError(f"the index in {folder} is unfinished", hint=rebuild_command(folder)) from error
            elif refused == manifest:
                raise
            else:  # its writer may have taken the journal away after it was read here
                refused = manifest
        time.sleep(_ASK_SECONDS)


def held_files(folder: Path, manifest: Manifest, adaptation: Adaptation | None) -> HeldFiles:
    """The files of an index that a search reads, held as they are now."""
    adapted = adaptation.file if adaptation is not None else None
    names = [ROWS_FILE, index_name(manifest)]
    names += [] if manifest.delta is None else [DELTA_FILE]
    return HeldFiles(folder, names + ([] if adapted is None else [adapted.name]))


def _checked(folder: Path, manifest: Manifest) -> State:
    adaptation = usable_adaptation(folder, manifest)
    files = held_files(folder, manifest, adaptation)
    check_artefact(folder, manifest)
    return State(manifest, adaptation, files)


def _moves(folder: Path, manifest: Manifest) -> bool:
    """True if somebody writes, or has just finished, or was killed over it."""
    if (folder / JOURNAL).exists() and (folder / MANIFEST).is_file():
        return True
    try:
        return Manifest.read(folder) != manifest
    except ArtefactError:
        return False
