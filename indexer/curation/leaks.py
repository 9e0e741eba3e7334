"""Leaks: pictures of the training split that another split holds as well, exactly or nearly.

# Q query rows, B bank rows (training), D dimension

Accuracy on such images is memory, so every figure on that split is too good. The candidates of an image are its nearest *training* images:
in a series of photos its nearest images of all may be of its own split.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.indexer.audit.duplicates import MOST_DUPLICATES
from samekind.indexer.audit.notes import Note, NoteCode
from samekind.indexer.curation import near_duplicates as near
from samekind.indexer.curation.kept import kept_or_found
from samekind.indexer.curation.near_duplicates import Candidates, Duplicates
from samekind.indexer.curation.small_pictures import small_pictures
from samekind.indexer.curation.tables import check_count
from samekind.training.runtime.side_by_side import side_by_side

if TYPE_CHECKING:
    from torch import Tensor

    from samekind.indexer.search.opened import OpenedIndex

BANK, QUERIES = "train", "test"
MOST_QUERIES = 2000
"""Test images that a note is about: of more, a seeded sample."""
_BLOCK_VALUES = 1 << 24
_SEED = 0


def leaks(index: OpenedIndex, count: int = 100, progress: Progress | None = None) -> Duplicates:
    """Carries out `Index.leaks`; see there."""
    count = check_count(count)
    return near.listed(index, "leaks", count, lambda most: _found(index, most, progress), progress)


def _found(index: OpenedIndex, count: int, progress: Progress | None) -> Duplicates:
    """The table without annotations."""
    content_N = index.rows.numbered("sha256")
    is_bank_N = np.array(index.splits, dtype=object) == BANK
    exact, number = _exact(content_N, is_bank_N)
    found = _candidates(index, _firsts(content_N, ~is_bank_N), _firsts(content_N, is_bank_N), near.ALIKE, progress)
    found = near.zoomed(index, found, progress)
    order = np.argsort(-found.score_P, kind="stable")
    listed = order[found.score_P[order] >= near.SAME_PICTURE]
    named = [(a, b, "exact", 1.0, 1.0) for a, b in exact]
    named += [
        (*found.row_P2[p].tolist(), "near", float(found.score_P[p]), float(found.similarity_P[p]))
        for p in listed[:count]
    ]
    notes = (near.DOUBT,) * bool(len(listed))
    return Duplicates(near.named(index, named[:count]), number + len(listed), notes)


def leak_note(
    index: OpenedIndex, rows: NDArray[np.int64] | None = None, progress: Progress | None = None
) -> Note | None:
    """A sentence on how many test images have a copy among the training images, `None` if none has.

    Args:
        index: the images.
        rows: those that count; all if left out.
        progress: shows a bar.
    """
    is_all = rows is None or len(rows) == len(index)
    rows = np.arange(len(index)) if rows is None else rows
    of = "all" if is_all else hashlib.sha256(rows.tobytes()).hexdigest()
    split_R = np.array(index.splits, dtype=object)[rows]
    bank, queries = rows[split_R == BANK], rows[split_R == QUERIES]
    chosen = np.sort(np.random.default_rng(_SEED).permutation(queries)[:MOST_QUERIES])

    def find() -> int:
        return int(leaked(index, chosen, bank, progress).sum())

    number = kept_or_found(index, "counts of leaks", of, find, int, progress)
    if not number:
        return None
    sampled = f" (seeded choice of {len(queries):,})" if len(chosen) < len(queries) else ""
    text = (
        f"At least {number:,} of {counted(len(chosen), 'test image')}{sampled} {'has' if number == 1 else 'have'} a copy or near copy "
        f"among the {counted(len(bank), 'training image')}: a leak, which makes accuracy too good (samekind suspects lists the pairs)."
    )
    return Note(NoteCode.LEAKS, text)


def leaked(
    index: OpenedIndex, queries: NDArray[np.int64], bank: NDArray[np.int64], progress: Progress | None = None
) -> NDArray[np.bool_]:
    """`(Q,)` true for the query rows that have a copy in the bank: of equal content, or near and sure."""
    content_N = index.rows.numbered("sha256")
    exact_Q = np.isin(content_N[queries], content_N[bank])
    found = _candidates(index, queries[~exact_Q], bank, near.SURE_SIMILARITY, progress)
    sure = found.row_P2[found.score_P >= near.SURE_SCORE]
    return np.asarray(exact_Q | np.isin(queries, sure))


def _exact(content_N: NDArray[np.int64], is_bank_N: NDArray[np.bool_]) -> tuple[list[tuple[int, int]], int]:
    """Pairs of equal content of which one row is of the bank and one is not: up to 1,000 in table order, and how many there are."""
    contents = int(content_N.max()) + 1
    bank_C, other_C = (np.bincount(content_N[side], minlength=contents) for side in (is_bank_N, ~is_bank_N))
    pairs: list[tuple[int, int]] = []
    for content in np.flatnonzero(bank_C * other_C).tolist():
        rows = np.flatnonzero(content_N == content)
        pairs += [
            (min(a, b), max(a, b)) for a in rows[is_bank_N[rows]].tolist() for b in rows[~is_bank_N[rows]].tolist()
        ]
        if len(pairs) >= MOST_DUPLICATES:
            break
    return sorted(pairs[:MOST_DUPLICATES]), int((bank_C * other_C).sum())


def _firsts(content_N: NDArray[np.int64], wanted_N: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The first wanted row of each content: copies would take the neighbours' places."""
    rows = np.flatnonzero(wanted_N)
    return rows[np.sort(np.unique(content_N[rows], return_index=True)[1])]


def _candidates(
    index: OpenedIndex,
    queries: NDArray[np.int64],
    bank: NDArray[np.int64],
    least: float,
    progress: Progress | None,
) -> Candidates:
    """Each query's nearest bank rows of other content from a cosine on, scored by their pixels."""
    import torch

    from samekind.indexer.curation.pixel_agreement import pixel_agreement

    pairs, similarities = [np.empty((0, 2), np.int64)], [np.empty(0)]
    if len(bank) and len(queries):
        content_N = index.rows.numbered("sha256")
        vector_BD, content_B = torch.from_numpy(index.vectors(bank)), torch.from_numpy(content_N[bank])
        block = max(1, _BLOCK_VALUES // len(bank))

        def nearest(rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
            similarity_QB = torch.from_numpy(index.vectors(rows)) @ vector_BD.T
            similarity_QB[torch.from_numpy(content_N[rows])[:, None] == content_B[None, :]] = -2.0
            value, place = similarity_QB.topk(min(near.CANDIDATES, len(bank)), dim=1)
            return value, place

        parts = [queries[start : start + block] for start in range(0, len(queries), block)]
        with (progress or NoProgress()).task("Comparing splits", len(queries)) as task:
            for rows, (value, place) in zip(parts, side_by_side(nearest, parts), strict=True):
                query, rank = torch.nonzero(value >= least, as_tuple=True)
                pairs.append(np.stack([rows[query.numpy()], bank[place[query, rank].numpy()]], axis=1))
                similarities.append(value[query, rank].double().clamp(max=1).numpy())
                task.advance(len(rows))
    pair_P2 = np.sort(np.concatenate(pairs), axis=1)
    used, place_P2 = np.unique(pair_P2, return_inverse=True)
    pictures = small_pictures(index, used, progress)
    score_P = pixel_agreement(pictures, place_P2.reshape(-1, 2), progress)
    return Candidates(pair_P2, np.concatenate(similarities), score_P)
