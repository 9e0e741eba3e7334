"""From an opened index to its map, and back from the file."""

from __future__ import annotations

from datetime import UTC, datetime

import torch
from torch import Tensor

from samekind.core.progress import NoProgress, Progress
from samekind.indexer.map.kept import kept
from samekind.indexer.map.neighbour_embedding import NEIGHBOURS, STEPS, embed_neighbours
from samekind.indexer.map.stored import ImageMap
from samekind.indexer.search.searchable import SearchableIndex
from samekind.indexer.storage.layout import MAP
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
    state, adaptation = _made_from(index)
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


def read_map(index: SearchableIndex) -> ImageMap | None:
    """The map of an index, if there is one and it shows the index as it is opened; `None` if one has to be made.

    Raises:
        ArtefactError: the file is damaged.
    """
    if not (index.path / MAP).is_file():
        return None
    found = ImageMap.read(index.path)
    return found if fits(found, index) else None


def fits(image_map: ImageMap, index: SearchableIndex) -> bool:
    """True if a map shows an index as it is opened: the same table, and the same adaptation."""
    return (image_map.state, image_map.adaptation) == _made_from(index) and len(image_map.point_N2) == len(index)


def _made_from(index: SearchableIndex) -> tuple[tuple[str, int, str], tuple[int, str] | None]:
    adapted = index.adaptation
    return index.state, None if adapted is None else (adapted.version, adapted.made)


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
