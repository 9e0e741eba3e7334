"""The neighbours of a mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from samekind.app.state.library import Library
from samekind.app.state.query import Mixture
from samekind.app.view_models import search_view

if TYPE_CHECKING:
    import samekind as sk


class Settings(NamedTuple):
    """What is asked beside the query.

    Attributes:
        k: number of neighbours.
        where: filter, as SQL.
        leave_out_itself: the images that are searched with are no neighbours.
        adapted: people's answers count.
        diversity: in [0, 1], as for `Index.search`.
    """

    k: int
    where: str | None = None
    leave_out_itself: bool = True
    adapted: bool = True
    diversity: float = 0.0


def neighbours(library: Library, mixture: Mixture, settings: Settings) -> Sequence[sk.Hit]:
    """As `Library.neighbours`, of a mixture; leaving out itself leaves out all its images.

    Raises:
        SamekindError: as there; or likes and unlikes cancel.
    """
    from samekind import Mix

    if mixture.is_single:
        return _ordered(library.neighbours(mixture.like[0], *settings), settings)
    parts = [library.asked(part) for part in mixture.parts]
    mix = Mix(
        *parts[: len(mixture.like)],
        weights=[1.0 if part.words is None else mixture.words_weight for part in mixture.like],
        unlike=parts[len(mixture.like) :],
        unlike_weight=mixture.unlike_weight,
    )
    k, where, leave_out_itself, adapted, diversity = settings
    own = {part.id for part in mixture.parts if part.id is not None and leave_out_itself}
    by_content = leave_out_itself and (diversity > 0 or any(part.upload is not None for part in mixture.parts))
    asked = k if diversity else k + len(own)
    hits = library.searched(mix, asked, where, by_content, adapted, diversity)
    return _ordered(search_view.without(hits, own, k), settings)


def _ordered(hits: Sequence[sk.Hit], settings: Settings) -> Sequence[sk.Hit]:
    """The most similar first, which hits that differ from each other are not yet: they come in the order that they were chosen in."""
    if not settings.diversity:
        return hits
    return search_view.without(sorted(hits, key=lambda hit: -hit.similarity), (), settings.k)
