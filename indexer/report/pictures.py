"""Pairs of pictures: the hardest false negatives, and duplicates."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from samekind.indexer.audit.report import Pair

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

MOST_PAIRS = 24
MOST_DUPLICATES = 12
_SMALL = 64  # pixels a side
_SIGNATURES = ((b"\x89PNG", "image/png"), (b"\xff\xd8", "image/jpeg"))


class Picture(NamedTuple):
    """A thumbnail's data address, and if it is so small that its pixels are shown with hard edges."""

    source: str
    small: bool


def most_a_class(report: FalseNegativeReport) -> int:
    """Pairs of one class among the hardest ones, so that every class has its turn."""
    return max(2, -(-MOST_PAIRS // max(1, len(report.by_class))))


def hardest_pairs(report: FalseNegativeReport, index: OpenedIndex, most: int, a_class: int) -> list[Pair]:
    """The most similar false pairs, or of all pairs where no label is known; no image twice and no exact copies.

    Args:
        report: the audit.
        index: that it is of.
        most: pairs wanted.
        a_class: most pairs of one class.
    """
    pairs = report.pairs
    content_N = index.rows.numbered("sha256")
    anchor_AK, negative_AK = np.broadcast_arrays(pairs.anchor_A[:, None], pairs.negative_AK)
    wanted_AK = content_N[anchor_AK] != content_N[negative_AK]
    if report.false_negative_rate is not None:
        wanted_AK &= pairs.false_AK == 1
    flat = np.flatnonzero(wanted_AK)
    order = flat[np.argsort(-pairs.similarity_AK.ravel()[flat], kind="stable")]
    labels = pairs.labels or [None] * len(index)
    found: list[Pair] = []
    seen: set[int] = set()
    of_class: dict[str | None, int] = {}
    for a, r in zip(*np.divmod(order, report.k), strict=True):
        if len(found) == most:
            break
        anchor, negative = int(anchor_AK[a, r]), int(negative_AK[a, r])
        if seen & {anchor, negative} or of_class.get(labels[anchor], 0) >= a_class:
            continue
        seen |= {anchor, negative}
        of_class[labels[anchor]] = of_class.get(labels[anchor], 0) + 1
        found.append(pairs.at(int(a))[int(r)])
    return found


def pictures(index: OpenedIndex, ids: Iterable[str]) -> dict[str, Picture]:
    """Thumbnails by id, read at once."""
    unique = list(dict.fromkeys(ids))
    return dict(zip(unique, map(_picture, index.thumbnails(unique)), strict=True))


def _picture(encoded: bytes) -> Picture:
    mime = next((mime for signature, mime in _SIGNATURES if encoded.startswith(signature)), "image/webp")
    with Image.open(io.BytesIO(encoded)) as image:
        small = max(image.size) <= _SMALL
    return Picture(f"data:{mime};base64,{base64.b64encode(encoded).decode('ascii')}", small)
