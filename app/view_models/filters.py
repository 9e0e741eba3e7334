"""The filters and pages of a grid of images."""

from __future__ import annotations

import random
from collections.abc import Sequence

NO_LABEL = "no label"


def matching(
    ids: Sequence[str],
    labels: Sequence[str | None] | None,
    splits: Sequence[str],
    *,
    label: str | None = None,
    split: str | None = None,
    text: str = "",
) -> list[int]:
    """Positions of the images that pass every filter.

    Args:
        ids: of all images.
        labels: class names, or `None` for an unlabelled corpus.
        splits: of all images.
        label: only this class; `NO_LABEL` for images without one; all if `None`.
        split: only this split; all if `None`.
        text: part of the id or of the class name, in any case.
    """
    rows: Sequence[int] = range(len(ids))
    if split is not None:
        rows = [i for i in rows if splits[i] == split]
    if label is not None and labels is not None:
        wanted = None if label == NO_LABEL else label
        rows = [i for i in rows if labels[i] == wanted]
    if needle := text.strip().casefold():
        rows = [
            i
            for i in rows
            if needle in ids[i].casefold() or (labels is not None and needle in (labels[i] or "").casefold())
        ]
    return list(rows)


def sample(positions: Sequence[int], size: int, seed: int) -> list[int]:
    """At most `size` of the positions, the same ones for the same seed."""
    return random.Random(seed).sample(list(positions), min(size, len(positions)))  # noqa: S311 - what is shown, no secret


def page(positions: Sequence[int], number: int, size: int) -> list[int]:
    """The positions on page `number` (from 1); a number past the end shows the last page."""
    last = max(1, num_pages(len(positions), size))
    start = (min(max(1, number), last) - 1) * size
    return list(positions[start : start + size])


def num_pages(count: int, size: int) -> int:
    """Number of pages of `size` that hold `count` images."""
    return -(-count // size)


def where_clause(label: str | None, split: str | None) -> str | None:
    """The filter of `Index.search` for a class and a split; `None` for all images. Quotes in names are doubled, as SQL wants."""
    parts = []
    if label is not None:
        parts.append("label IS NULL" if label == NO_LABEL else f"label = '{_quoted(label)}'")
    if split is not None:
        parts.append(f"split = '{_quoted(split)}'")
    return " AND ".join(parts) or None


def _quoted(name: str) -> str:
    return name.replace("'", "''")
