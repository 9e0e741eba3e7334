"""What two encoders find for one query: which of their hits are the same images, by content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from samekind.indexer.search.hits import Hit
from samekind.indexer.search.opened import OpenedIndex
from samekind.runs.same_image import contents


@dataclass(frozen=True)
class Overlap:
    """Two lists of hits, compared.

    Attributes:
        here: of each hit of the first list that the second has as well, the rank there, by id.
        there: the other way round. Of copies of one picture as many count as both lists have, so both are of equal length.
        first_difference: the first rank at which the lists have different pictures, or only one has any; `None` if there is none.
    """

    here: dict[str, int]
    there: dict[str, int]
    first_difference: int | None


def overlap(index: OpenedIndex, hits: Sequence[Hit], other: OpenedIndex, other_hits: Sequence[Hit]) -> Overlap:
    """Compares the hits of one query in two indexes.

    Args:
        index: of the first list.
        hits: most similar first.
        other: of the second list.
        other_hits: likewise.
    """
    here, there = contents(index, [hit.id for hit in hits]), contents(other, [hit.id for hit in other_hits])
    return Overlap(_ranks(hits, here, there), _ranks(other_hits, there, here), _first_difference(here, there))


def _ranks(hits: Sequence[Hit], contents: Sequence[str], others: Sequence[str]) -> dict[str, int]:
    """The rank in the other list of each hit that it has; the first copy here is the first one there."""
    seen, ranks = Counter[str](), dict[str, int]()
    for hit, sha256 in zip(hits, contents, strict=True):
        places = [rank for rank, each in enumerate(others, start=1) if each == sha256]
        if seen[sha256] < len(places):
            ranks[hit.id] = places[seen[sha256]]
            seen[sha256] += 1
    return ranks


def _first_difference(here: Sequence[str], there: Sequence[str]) -> int | None:
    alike = next((i for i, (one, two) in enumerate(zip(here, there, strict=False)) if one != two), None)
    if alike is not None:
        return alike + 1
    return None if len(here) == len(there) else min(len(here), len(there)) + 1
