"""Images in two indexes: runs of one corpus at another time or with other settings may call another image by the same id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samekind.indexer.search.opened import OpenedIndex


def same_image(index: OpenedIndex, id_: str, other: OpenedIndex) -> str | None:
    """Id that another index has for an image; `None` if it holds none of equal content.

    Args:
        index: that the id is of.
        id_: of the image.
        other: where it is looked for; of several copies, one of the same id is preferred.
    """
    return same_images(index, [id_], other).get(id_)


def same_images(index: OpenedIndex, ids: Sequence[str], other: OpenedIndex) -> dict[str, str]:
    """As `same_image`, of several at once: the id in the other index by the id here, for those that it holds."""
    content = dict(zip(ids, contents(index, ids), strict=True))
    rows = other.rows.with_content(frozenset(content.values()))
    held: dict[str, list[str]] = {}
    for row, sha256 in zip(rows.tolist(), other.rows.values("sha256", rows), strict=True):
        held.setdefault(sha256, []).append(other.ids[row])
    found = {id_: held[sha256] for id_, sha256 in content.items() if sha256 in held}
    return {id_: id_ if id_ in same else same[0] for id_, same in found.items()}


def contents(index: OpenedIndex, ids: Sequence[str]) -> list[str]:
    """Content hashes of images of an index.

    Raises:
        InputError: it does not hold one of them.
    """
    rows = np.array([index.rows.position_of(id_) for id_ in ids], dtype=np.int64)
    return [str(sha256) for sha256 in index.rows.values("sha256", rows)]
