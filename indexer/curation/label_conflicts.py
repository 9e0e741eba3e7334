"""Copies with different labels: of one picture that is filed under two classes, one label is certain to be wrong.

# N rows, P pairs

That needs no good encoder, so these stand above every suspicion. Which of the labels is wrong is another
question: it is put to the embedding, and both images are listed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.indexer.audit.notes import Note
from samekind.indexer.curation.near_duplicates import SURE_SCORE, SURE_SIMILARITY, near_candidates

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

MOST_COPIES = 8
"""Copies that are named beside one image."""
EXACT, NEAR = "exact_copy", "near_copy"
_EXACT_SCORE = 2.0  # above that of every near pair


@dataclass
class Conflict:
    """An image that has copies with another label.

    Attributes:
        reason: `exact_copy` if one of them has equal content, otherwise `near_copy`.
        copies: their rows, the surest first, at most 8.
        group: number of the picture, 0 for the surest one; its copies share it.
    """

    reason: str = NEAR
    copies: list[int] = field(default_factory=list)
    group: int = 0


def label_conflicts(
    index: OpenedIndex, class_N: NDArray[np.int64], progress: Progress | None = None
) -> tuple[dict[int, Conflict], list[Note]]:
    """The images of which a copy has another label, by row, and notes on how they were found.

    Args:
        index: the images.
        class_N: `(N,)` class numbers, −1 for unknown.
        progress: shows bars.
    """
    content_N = index.rows.numbered("sha256")
    candidates, notes = near_candidates(index, content_N, progress, class_N)
    sure = np.flatnonzero((candidates.score_P >= SURE_SCORE) & (candidates.similarity_P >= SURE_SIMILARITY))
    sure = sure[np.argsort(-candidates.score_P[sure], kind="stable")]
    links = [(a, b, _EXACT_SCORE) for a, b in _exact_links(content_N, class_N)]
    links += [
        (int(candidates.row_P2[p, side]), int(candidates.row_P2[p, 1 - side]), float(candidates.score_P[p]))
        for p in sure.tolist()
        for side in (0, 1)
    ]
    found: dict[int, Conflict] = defaultdict(Conflict)
    for row, copy, score in links:
        if len(found[row].copies) < MOST_COPIES:
            found[row].copies.append(copy)
        if score == _EXACT_SCORE:
            found[row].reason = EXACT
    _number_groups(found, links, content_N)
    return dict(found), notes


def _exact_links(content_N: NDArray[np.int64], class_N: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Each labelled row with the first rows of equal content and another label, row by row."""
    repeated = (np.bincount(content_N)[content_N] > 1) & (class_N >= 0)
    by_class: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in np.flatnonzero(repeated).tolist():
        by_class[int(content_N[row])][int(class_N[row])].append(row)
    for classes in by_class.values():
        for own, rows in classes.items():
            others = sorted(row for other, theirs in classes.items() if other != own for row in theirs[:MOST_COPIES])
            yield from ((row, other) for row in rows for other in others[:MOST_COPIES])


def _number_groups(
    found: dict[int, Conflict], links: list[tuple[int, int, float]], content_N: NDArray[np.int64]
) -> None:
    """Numbers the pictures from the surest on; equal ones in table order."""
    if not found:
        return
    from scipy.sparse import coo_array  # here: a list that is kept needs none of it
    from scipy.sparse.csgraph import connected_components

    ends_P2 = content_N[np.array([link[:2] for link in links])]
    contents = int(content_N.max()) + 1
    graph = coo_array((np.ones(len(links)), (ends_P2[:, 0], ends_P2[:, 1])), shape=(contents, contents))
    picture_C = connected_components(graph, directed=False)[1]
    surest: dict[int, tuple[float, int]] = {}
    for row, _, score in links:
        picture = int(picture_C[content_N[row]])
        surest[picture] = min(surest.get(picture, (0.0, row)), (-score, row))
    order = {picture: place for place, picture in enumerate(sorted(surest, key=lambda picture: surest[picture]))}
    for row, conflict in found.items():
        conflict.group = order[int(picture_C[content_N[row]])]
