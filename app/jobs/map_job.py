"""The map of an index: read if the artefact has one that fits, else made, and kept there if that can be."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.app.jobs.job import Progress

if TYPE_CHECKING:
    import samekind as sk

SKETCHED = 5_000
"""Images from which on the layout takes more than seconds."""


def space(index: sk.Index) -> str:
    """Names the space that a map of the index shows: the encoder's own, or that of one adaptation."""
    adapted = index.adaptation
    return "" if adapted is None else f"{adapted.version} {adapted.made}"


def sketch(index: sk.Index, _progress: Progress) -> NDArray[np.float32]:
    """`(N, 2)` where images lie until the map is laid out."""
    from samekind import sketch_map

    return sketch_map(index)


def read_or_made(index: sk.Index, progress: Progress) -> sk.ImageMap:
    """The map of an index as it is opened."""
    from samekind import ArtefactError, read_map

    with suppress(ArtefactError):  # a damaged one is made anew
        if (found := read_map(index)) is not None:
            return found
    from samekind import make_map  # not before it is needed: it brings torch

    made = make_map(index, progress=progress)
    with suppress(ArtefactError):  # a folder that cannot be written has no map to keep
        made.write(index.path)
    return made
