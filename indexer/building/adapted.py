"""The FAISS file of adapted vectors, and how it follows the index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.adaptation import Adaptation, AdaptedFile, adapted_files, current_adaptation
from samekind.indexer.storage.fingerprints import describe_file
from samekind.indexer.storage.layout import ADAPTATION, PLACING
from samekind.indexer.storage.manifest import Manifest
from samekind.indexer.storage.rows import Rows

_NEW = "adapted.faiss.new"
NEAR, FULL_VOTES = 10, 5
"""Chosen on training splits (docs/decisions/0021-adaptation.md)."""
MOST_ASKED = 10_000
"""Images of groups whose neighbours are looked for, evenly spread: more would cost more than the rest."""


def place_adaptation(
    folder: Path, adaptation: Adaptation, manifest: Manifest, vectors: VectorIndex, rows: Rows
) -> Adaptation:
    """Adapts the vectors of an index and makes this its adaptation, in place of the one it has.

    Args:
        folder: the artefact; the caller holds its lock.
        adaptation: the map.
        manifest: of the index.
        vectors: the encoder's, as `manifest` describes them.
        rows: of the index.

    Returns:
        The adaptation with its FAISS file.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    adapted = vectors.mapped(adaptation)
    group_N, share_N = reached(adapted, _groups(adaptation, rows))
    moved = np.flatnonzero(group_N >= 0)
    adapted.move(moved, adaptation.gathered(adapted.vectors(moved), group_N[moved], share_N[moved]))
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
        place_adaptation(folder, adaptation, manifest, vectors, rows)


def reached(mapped: VectorIndex, group_N: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How far the groups reach: an image that is among the 10 nearest of five images of a group belongs to it, of fewer in part.

    Where several groups reach an image, it goes to the one that names it most often, by that one's share.

    Args:
        mapped: the mapped vectors.
        group_N: `(N,)` the group of each row, −1 for none.

    Returns:
        The same for more rows, and `(N,)` how much each belongs to its group, in [0, 1]: 1 for those that had one.
    """
    group_N, share_N = group_N.copy(), (group_N >= 0).astype(np.float64)
    member_R = np.flatnonzero(group_N >= 0)
    if not len(member_R) or len(member_R) == len(group_N):
        return group_N, share_N
    member_R = member_R[np.linspace(0, len(member_R) - 1, min(len(member_R), MOST_ASKED)).astype(np.int64)]
    found = mapped.search(mapped.vectors(member_R), NEAR + 1)
    near = [row_K[row_K != member][:NEAR] for member, (_, row_K) in zip(member_R, found, strict=True)]
    group_of = np.repeat(group_N[member_R], [len(row_K) for row_K in near])
    named_P2, votes_P = np.unique(np.stack([np.concatenate(near), group_of], axis=1), axis=0, return_counts=True)
    is_open_P = group_N[named_P2[:, 0]] < 0
    row_P, group_P, vote_P = named_P2[is_open_P, 0], named_P2[is_open_P, 1], votes_P[is_open_P] / FULL_VOTES
    total_N = np.bincount(row_P, vote_P, len(group_N))
    order = np.argsort(vote_P, kind="stable")  # the last one of a row stays
    group_N[row_P[order]] = group_P[order]
    share_N[row_P[order]] = vote_P[order] / np.maximum(total_N[row_P[order]], 1)
    return group_N, share_N


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
