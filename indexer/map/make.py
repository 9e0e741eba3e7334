"""From an opened index to its map."""

from __future__ import annotations

from datetime import UTC, datetime

import torch
from torch import Tensor

from samekind.core.progress import NoProgress, Progress
from samekind.indexer.map.kept import kept
from samekind.indexer.map.neighbour_embedding import NEIGHBOURS, STEPS, embed_neighbours
from samekind.indexer.map.reading import made_from
from samekind.indexer.map.stored import ImageMap
from samekind.indexer.search.searchable import SearchableIndex
from samekind.training.neighbours import nearest_others

_ASKED_AT_ONCE = 1024


def make_map(index: SearchableIndex, seed: int = 0, progress: Progress | None = None) -> ImageMap:
    """Lays all images out in two dimensions, in the space that searches use; no label is looked at. `ImageMap.write` keeps the map.

    Args:
        index: the opened index.
        seed: of the layout; equal seeds give equal maps.
        progress: shows bars.

    Raises:
        ArtefactError: the index has changed since it was opened.
    """
    progress = progress or NoProgress()
    state, adaptation = made_from(index)
    vectors_ND = torch.from_numpy(index.adapted_vectors())
    nearest_Nk = _nearest(index, vectors_ND, progress)
    with progress.task("Laying out", STEPS) as task:
        point_N2 = embed_neighbours(vectors_ND, nearest_Nk, seed=seed, after_step=task.advance)
    found = kept(vectors_ND, point_N2)
    return ImageMap(
        point_N2=point_N2.numpy(),
        state=state,
        adaptation=adaptation,
        seed=seed,
        trustworthiness=None if found is None else found.trustworthiness,
        neighbours_kept=None if found is None else found.neighbours,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _nearest(index: SearchableIndex, vectors_ND: Tensor, progress: Progress) -> Tensor:
    """`(N, k)` nearest others: exact, or as good as searches are where the index is approximate."""
    k = min(NEIGHBOURS, len(index) - 1)
    if index.adapted_index.exact or not k:
        return nearest_others(vectors_ND, k, progress)
    found = []
    with progress.task("Finding neighbours", len(index)) as task:
        for start in range(0, len(index), _ASKED_AT_ONCE):
            asked_QD = vectors_ND[start : start + _ASKED_AT_ONCE]
            for row, (_, near) in enumerate(index.adapted_index.search(asked_QD.numpy(), k + 1), start):
                found.append(torch.from_numpy(near[near != row][:k]))
            task.advance(len(asked_QD))
    return torch.stack(found)
