"""The map of an index back from its file. Apart from what makes one: that needs torch, and to look at a map does not."""

from __future__ import annotations

from samekind.indexer.map.stored import ImageMap
from samekind.indexer.search.searchable import SearchableIndex
from samekind.indexer.storage.layout import MAP


def read_map(index: SearchableIndex) -> ImageMap | None:
    """The map of an index, if there is one and it shows the index as it is opened; `None` if one has to be made.

    Raises:
        ArtefactError: the file is damaged.
    """
    if not (index.path / MAP).is_file():
        return None
    found = ImageMap.read(index.path)
    return found if fits(found, index) else None


def fits(image_map: ImageMap, index: SearchableIndex) -> bool:
    """True if a map shows an index as it is opened: the same table, and the same adaptation."""
    return (image_map.state, image_map.adaptation) == made_from(index) and len(image_map.point_N2) == len(index)


def made_from(index: SearchableIndex) -> tuple[tuple[str, int, str], tuple[int, str] | None]:
    """The state of the index and the adaptation that a map of it is tied to."""
    adapted = index.adaptation
    return index.state, None if adapted is None else (adapted.version, adapted.made)
