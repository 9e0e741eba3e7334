"""One image in two indexes: runs of one corpus at another time or with other settings may call another image by the same id."""

from __future__ import annotations

from samekind.indexer.search.opened import OpenedIndex


def same_image(index: OpenedIndex, id_: str, other: OpenedIndex) -> str | None:
    """Id that another index has for an image; `None` if it holds none of equal content.

    Args:
        index: that the id is of.
        id_: of the image.
        other: where it is looked for; of several copies, one of the same id is preferred.
    """
    found = other.rows.with_content(frozenset([str(index.row(id_)["sha256"])]))
    ids = [other.ids[int(row)] for row in found]
    return id_ if id_ in ids else next(iter(ids), None)
