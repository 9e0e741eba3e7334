"""The small pictures of images whose pixels are compared, from their thumbnails."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.core.progress import NoProgress, Progress

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

SIDE, MARGIN = 16, 2
"""Pixels a side, and by how many of them two pictures may be shifted against each other."""
ZOOMED_SIDES = (17, 18)
"""Sides at which a picture is as large as its crop by 6 or 11 % at `SIDE`."""
_READ = 4096


def small_pictures(
    index: OpenedIndex, rows: NDArray[np.int64], progress: Progress | None = None, side: int = SIDE
) -> NDArray[np.uint8]:
    """`(R, S, S, 3)` uint8 pictures of some rows, from their thumbnails."""
    pictures = np.empty((len(rows), side, side, 3), dtype=np.uint8)
    with (progress or NoProgress()).task("Reading thumbnails", len(rows)) as task:
        for start in range(0, len(rows), _READ):
            part = rows[start : start + _READ]
            for i, encoded in enumerate(index.table.thumbnails(part.tolist()), start):
                picture = Image.open(io.BytesIO(encoded)).convert("RGB")
                pictures[i] = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
            task.advance(len(part))
    return pictures
