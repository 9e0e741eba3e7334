"""The FAISS file of adapted vectors, and how it follows the index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.indexer.search.leaning import leaning_index
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.adaptation import Adaptation, AdaptedFile, adapted_files, current_adaptation
from samekind.indexer.storage.fingerprints import describe_file
from samekind.indexer.storage.layout import ADAPTATION, PLACING
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.rows import Rows

_NEW = "adapted.faiss.new"


def place_adaptation(
    folder: Path, adaptation: Adaptation, manifest: Manifest, leaning: VectorIndex, rows: Rows
) -> Adaptation:
    """Adapts the vectors of an index and makes this its adaptation, in place of the one it has.

    Args:
        folder: the artefact; the caller holds its lock.
        adaptation: the map.
        manifest: of the index.
        leaning: the encoder's vectors that `manifest` describes, as the adaptation lets them lean.
        rows: of the index.

    Returns:
        The adaptation with its FAISS file.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    adapted = leaning.mapped(adaptation)
    group_N = _groups(adaptation, rows)
    moved = np.flatnonzero(group_N >= 0)
    adapted.move(moved, adaptation.gathered(adaptation.mapped(leaning.vectors(moved)), group_N[moved]))
    adapted.tune()
    made = folder / _NEW
    adapted.save(made)
    described = describe_file(made)
    name = f"adapted-{described['sha256'][:16]}.faiss"
    (folder / PLACING).touch()
    made.replace(folder / name)
    placed = replace(
        adaptation,
        file=AdaptedFile(
            name, **described, index_type=adapted.kind, ann_recall=adapted.ann_recall, state=manifest.state
        ),
    )
    placed.write(folder / ADAPTATION)
    _sweep(folder, name)
    return placed


def take_away_adaptation(folder: Path) -> None:
    """Leaves the index with the encoder's vectors only; the caller holds the lock of the folder."""
    (folder / PLACING).touch()
    (folder / ADAPTATION).unlink(missing_ok=True)
    _sweep(folder)


def follow_index(folder: Path, manifest: Manifest, vectors: VectorIndex, rows: Rows, progress: Progress) -> None:
    """Brings the adaptation to a new state of its index, before the manifest says that this is finished.

    Args:
        folder: the artefact; the caller holds its lock.
        manifest: of the new state.
        vectors: the encoder's, of the new state.
        rows: of the new state.
        progress: is told if the adaptation had to go.
    """
    try:
        adaptation = current_adaptation(folder)
    except ArtefactError:
        progress.print("the adaptation is damaged and taken away: samekind adapt makes it anew from the answers")
        return take_away_adaptation(folder)
    if adaptation is not None and adaptation.encoder != manifest.encoder:
        progress.print("the adaptation was another encoder's and is taken away: samekind adapt makes a new one")
        return take_away_adaptation(folder)
    if adaptation is not None:
        leaning = leaning_index(vectors, adaptation.neighbours, adaptation.lean)
        place_adaptation(folder, adaptation, manifest, leaning, rows)


def _groups(adaptation: Adaptation, rows: Rows) -> NDArray[np.int64]:
    """`(N,)` the group of each row, −1 for none."""
    from pyarrow import array, compute

    place_N = compute.index_in(rows.table["sha256"], array(list(adaptation.groups))).combine_chunks()
    of_member = np.array([*adaptation.groups.values(), -1], dtype=np.int64)
    found: NDArray[np.int64] = of_member[place_N.fill_null(-1).to_numpy(zero_copy_only=False)]
    return found


def _sweep(folder: Path, keep: str = "") -> None:
    """Deletes the FAISS files that no adaptation names any more, or none has named yet."""
    for file in (*adapted_files(folder), folder / _NEW, folder / PLACING):
        if file.name != keep:
            file.unlink(missing_ok=True)
