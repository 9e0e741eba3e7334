"""Which of the neighbours are shown, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.core.text import percent

if TYPE_CHECKING:
    import samekind as sk

SIMILARITY, CLASS, ID = "By similarity", "By class", "By id"


def at_least(hits: Sequence[sk.Hit], least: float) -> list[sk.Hit]:
    """Hits of at least a similarity; all of them for 0, those of negative similarity, too."""
    return [hit for hit in hits if not least or hit.similarity >= least]


def sorted_by(hits: Sequence[sk.Hit], order: str) -> list[sk.Hit]:
    """The hits in one of the orders: by class those without one come last, and within a class the nearest first."""
    if order == CLASS:
        return sorted(hits, key=lambda hit: (hit.label is None, hit.label or ""))
    return sorted(hits, key=lambda hit: hit.id) if order == ID else list(hits)


def left_out_sentence(shown: int, found: int, least: float) -> str:
    """How many are at least that similar; empty if all are."""
    return "" if shown == found else f"{shown} of {found} have a similarity of at least {least:.2f}."


def share_sentence(least: float, usual: NDArray[np.float64]) -> str:
    """What a similarity means in this corpus.

    Args:
        least: cosine.
        usual: `(n,)` cosines of images of the corpus to their nearest other one, ascending.
    """
    if len(usual) == 0:
        return "This corpus has no two images to compare it with."
    share = 1 - float(np.searchsorted(usual, least) / len(usual))
    low, middle, high = np.quantile(usual, [0.05, 0.5, 0.95])
    return (
        f"{percent(share, 0)} of the corpus' own images have another one that is at least this similar. Their nearest ones have "
        f"{middle:.2f} at the median, and nine in ten between {low:.2f} and {high:.2f}."
    )
