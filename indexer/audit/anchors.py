"""Anchors of an audit: all images, or of many a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.indexer.audit.notes import Note, NoteCode

ALL_UP_TO = 200_000
SAMPLED = 10_000
_SEED = 0


def anchors_of(rows: int, wanted: int | None) -> tuple[NDArray[np.int64], list[Note]]:
    """Rows that are anchors, ascending, and a note if they are a sample."""
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int | np.integer)):
        raise InputError(f"anchors must be a whole number, got {wanted!r}")
    if wanted is not None and wanted < 1:
        raise InputError(f"anchors must be at least 1, got {wanted}")
    size = (rows if rows <= ALL_UP_TO else SAMPLED) if wanted is None else min(wanted, rows)
    if size == rows:
        if wanted is None or wanted <= rows:
            return np.arange(rows), []
        return np.arange(rows), [
            Note(NoteCode.ALL_ANCHORS, f"anchors is {rows:,} instead of {wanted:,}: that many images there are")
        ]
    chosen = np.sort(_drawn(rows)[:size])
    text = f"{size:,} of {rows:,} images are anchors (seeded choice); all are negatives. Near duplicates are those of the anchors."
    return chosen, [Note(NoteCode.SAMPLED_ANCHORS, text)]


def anchors_in_turn(rows: int) -> NDArray[np.int64]:
    """The anchors of an audit of more than `ALL_UP_TO` rows, in the order in which they are drawn: any first ones are a sample as well."""
    return _drawn(rows)[:SAMPLED]


def _drawn(rows: int) -> NDArray[np.int64]:
    return np.random.default_rng(_SEED).permutation(rows)
