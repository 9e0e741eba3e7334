"""Pictures of hits: an index of vectors alone keeps a grey placeholder for each, and another run may hold the same image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image

from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.storage.vector_files import PLACEHOLDER
from samekind.runs.same_image import same_images

_MOST_BYTES = 1000  # of an encoded placeholder; pictures of more need not be looked at


def pictures(index: OpenedIndex, ids: Sequence[str], beside: OpenedIndex | None = None) -> list[bytes | None]:
    """Encoded pictures of images, as `Index.thumbnails`; `None` where there is none.

    Args:
        index: holds the images.
        ids: of them.
        beside: another index, whose picture of the same content is taken where this one has none.
    """
    own = [None if _is_placeholder(each) else each for each in index.thumbnails(ids)]
    lacking = [id_ for id_, picture in zip(ids, own, strict=True) if picture is None]
    if beside is None or not lacking:
        return own
    held = same_images(index, lacking, beside)
    found = dict(zip(held, pictures(beside, list(held.values())), strict=True))
    return [found.get(id_) if picture is None else picture for id_, picture in zip(ids, own, strict=True)]


@lru_cache(maxsize=64)
def _is_placeholder(encoded: bytes) -> bool:
    if len(encoded) > _MOST_BYTES:
        return False
    return np.array_equal(np.asarray(Image.open(io.BytesIO(encoded)).convert("L")), PLACEHOLDER)
