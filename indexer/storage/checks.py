"""Comparing an artefact with its manifest: in constant time when it is opened, in full when that is asked for.

The table is compared by the names and sizes of its files, which Lance never rewrites: that notices every change of it, and costs neither
LanceDB's import (2 s) nor a read.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.adaptation import Adaptation, adapted_files, current_adaptation
from samekind.indexer.storage.fingerprints import matches, table_files
from samekind.indexer.storage.layout import ADAPTATION, DELTA_FILE, JOURNAL, PLACING, ROWS_FILE
from samekind.indexer.storage.manifest import Manifest, index_name
from samekind.indexer.storage.remedies import json_field, rebuild_command, undo_hint
from samekind.training.runtime.artefact import GIVEN, META, WEIGHTS


def check_artefact(folder: Path, manifest: Manifest, *, full: bool = False) -> None:
    """Compares every part of an artefact with its manifest.

    Args:
        folder: the artefact.
        manifest: its manifest.
        full: reads the files in full, not only their samples.

    Raises:
        ArtefactError: the encoder, the table or a file is not what the manifest says.
    """
    check_weights(folder, manifest, full=full)
    check_index_file(folder, manifest, full=full)
    check_rows_file(folder, manifest, full=full)
    check_table_files(folder, manifest, full=full)


def check_weights(folder: Path, manifest: Manifest, *, full: bool = False) -> None:
    """Compares the encoder with the one that made the vectors.

    Raises:
        ArtefactError: it is missing or another one.
    """
    if manifest.encoder.startswith(GIVEN):
        return
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise ArtefactError(
            f"{folder} holds an index but no {WEIGHTS}", hint=f"copy the whole folder, or: {rebuild_command(folder)}"
        )
    recorded = manifest.weights or {"size": weights.stat().st_size, "sha256": manifest.encoder}
    if not matches(weights, recorded, full=full):
        raise another_encoder(folder, manifest)


def another_encoder(folder: Path, manifest: Manifest) -> ArtefactError:
    """The error for weights that did not make the vectors; where `meta.json` and index agree, the file of weights is wrong."""
    described = json_field(folder / META, "encoder")
    if isinstance(described, dict) and described.get("fingerprint") == manifest.encoder:
        return ArtefactError(
            f"{folder / WEIGHTS} is not the encoder that {META} describes and the index was built with",
            hint="put the right file back, or train again with --force and index again",
        )
    return ArtefactError(
        f"the index in {folder} was built with another encoder than its {WEIGHTS}", hint=rebuild_command(folder)
    )


def check_index_file(folder: Path, manifest: Manifest, *, full: bool = False) -> None:
    """Compares `index.faiss`, and the changes beside it.

    Raises:
        ArtefactError: it is missing or another file.
    """
    _check_file(folder, index_name(manifest), manifest.index, full)
    if manifest.delta is not None:
        _check_file(folder, DELTA_FILE, manifest.delta, full)


def check_rows_file(folder: Path, manifest: Manifest, *, full: bool = False) -> None:
    """Compares `rows.arrow`.

    Raises:
        ArtefactError: it is missing or another file.
    """
    _check_file(folder, ROWS_FILE, manifest.rows_file, full)


def check_table_files(folder: Path, manifest: Manifest, *, full: bool = False) -> None:
    """Compares names and sizes of the table's files.

    While a build is under way, the files before it are those that count, and while it deletes what no version needs, none.

    Args:
        folder: the artefact.
        manifest: its manifest.
        full: nothing may have been added, whatever is under way.

    Raises:
        ArtefactError: one is missing, added or of another size.
    """
    before = None if full else json_field(folder / JOURNAL, "files")
    if isinstance(before, list) and json_field(folder / JOURNAL, "cleaning") is True:
        return
    if table_files(folder, before if isinstance(before, list) else None) != manifest.table_files:
        raise ArtefactError(
            f"the table in {folder / 'db'} has changed since the index was built from it", hint=rebuild_command(folder)
        )


def check_finished(folder: Path) -> None:
    """Refuses an index that an interrupted build has left half-way: readers have the state before it, writers would lose what is done.

    Raises:
        ArtefactError: there is such a build.
    """
    if (folder / JOURNAL).exists():
        raise ArtefactError(f"the index in {folder} is unfinished", hint=rebuild_command(folder))


def _check_file(folder: Path, name: str, recorded: dict[str, Any], full: bool) -> None:
    if not (folder / name).is_file():
        raise ArtefactError(f"{folder} lacks {name}", hint=rebuild_command(folder))
    if not matches(folder / name, recorded, full=full):
        raise ArtefactError(
            f"{folder / name} is not the file that the index was finished with", hint=rebuild_command(folder)
        )


def usable_adaptation(folder: Path, manifest: Manifest, *, full: bool = False) -> Adaptation | None:
    """The adaptation that an index is searched with, if it has one.

    Args:
        folder: the artefact.
        manifest: its manifest.
        full: reads the FAISS file in full, not only its sample.

    Raises:
        ArtefactError: it is damaged, or belongs to another state of the index.
    """
    adaptation = current_adaptation(folder)
    if adaptation is None:
        return None
    file = adaptation.file
    if file is None or file.state != manifest.state:
        raise ArtefactError(f"the adaptation in {folder} belongs to another state of the index", hint=undo_hint(folder))
    try:
        if matches(folder / file.name, asdict(file), full=full):
            return adaptation
        what = "is not the file that the adaptation was finished with"
    except FileNotFoundError:
        now = current_adaptation(folder)
        if now is None or now.file != file:  # somebody has just replaced it
            return usable_adaptation(folder, manifest, full=full)
        what = "is missing"
    raise ArtefactError(f"{folder / file.name} {what}", hint=undo_hint(folder))


def is_lost(folder: Path) -> bool:
    """True if the FAISS file of an adaptation lies there, and the adaptation itself does not, though nobody was killed over it."""
    return bool(adapted_files(folder)) and not any((folder / name).exists() for name in (ADAPTATION, PLACING))
