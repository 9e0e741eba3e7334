"""The images that speak for another class: the nearest ones of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

MOST = 8
_BLOCK_VALUES = 1 << 24


def nearest_of_class(
    index: OpenedIndex, class_N: NDArray[np.int64], asked: Sequence[tuple[int, int]]
) -> list[list[int]]:
    """For each `(row, class)` the rows of that class that are nearest to it, but for those of equal content; at most 8, nearest first."""
    content_N = index.rows.numbered("sha256")
    found: list[list[int]] = [[] for _ in asked]
    row_I, wanted_I = np.array(asked, dtype=np.int64).reshape(-1, 2).T
    for number in np.unique(wanted_I).tolist():
        members = np.flatnonzero(class_N == number)
        vector_MD = index.vectors(members).astype(np.float64)
        places = np.flatnonzero(wanted_I == number)
        for part in np.array_split(places, 1 + len(places) * len(members) // _BLOCK_VALUES):
            similarity = index.vectors(row_I[part]).astype(np.float64) @ vector_MD.T
            similarity[content_N[row_I[part]][:, None] == content_N[members][None, :]] = -np.inf
            order = np.argsort(-similarity, axis=1, kind="stable")[:, :MOST]
            for place, near, value in zip(part.tolist(), order, np.take_along_axis(similarity, order, 1), strict=True):
                found[place] = members[near[np.isfinite(value)]].tolist()
    return found
