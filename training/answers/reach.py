"""How far groups reach: images that nobody was asked about, and that several of a group's images have among their nearest."""

# N images, K nearest of an image

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows64 = NDArray[np.int64]

NEAR, FULL_VOTES = 10, 5
"""Chosen on training splits (docs/decisions/0021-adaptation.md)."""
MOST_ASKED = 10_000
"""Images of groups whose neighbours are looked for, evenly spread: more would cost more than the rest."""


def reached(group_N: Rows64, nearest: Callable[[Rows64, int], list[Rows64]]) -> tuple[Rows64, NDArray[np.float64]]:
    """How far the groups reach: an image that is among the 10 nearest of five images of a group belongs to it, of fewer in part.

    Where several groups reach an image, it goes to the one that names it most often, by that one's share.

    Args:
        group_N: `(N,)` the group of each row, −1 for none.
        nearest: the rows `(K,)` nearest to each of some rows, itself left out, at most as many as asked for.

    Returns:
        The same for more rows, and `(N,)` how much each belongs to its group, in [0, 1]: 1 for those that had one.
    """
    group_N, share_N = group_N.copy(), (group_N >= 0).astype(np.float64)
    member_R = np.flatnonzero(group_N >= 0)
    if not len(member_R) or len(member_R) == len(group_N):
        return group_N, share_N
    member_R = member_R[np.linspace(0, len(member_R) - 1, min(len(member_R), MOST_ASKED)).astype(np.int64)]
    near = nearest(member_R, NEAR)
    group_of = np.repeat(group_N[member_R], [len(row_K) for row_K in near])
    named_P2, votes_P = np.unique(np.stack([np.concatenate(near), group_of], axis=1), axis=0, return_counts=True)
    is_open_P = group_N[named_P2[:, 0]] < 0
    row_P, group_P, vote_P = named_P2[is_open_P, 0], named_P2[is_open_P, 1], votes_P[is_open_P] / FULL_VOTES
    total_N = np.bincount(row_P, vote_P, len(group_N))
    order = np.argsort(vote_P, kind="stable")  # the last one of a row stays
    group_N[row_P[order]] = group_P[order]
    share_N[row_P[order]] = vote_P[order] / np.maximum(total_N[row_P[order]], 1)
    return group_N, share_N
