"""The neighbours of a mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from samekind.app.state.library import Library
from samekind.app.state.query import Mixture
from samekind.app.view_models import search_view

if TYPE_CHECKING:
    import samekind as sk

Settings = tuple[int, str | None, bool, bool]
"""What is asked beside the query: number of neighbours, filter, leaving out the query itself, and whether people's answers count."""


def neighbours(
    library: Library, mixture: Mixture, k: int, where: str | None, leave_out_itself: bool, adapted: bool = True
) -> Sequence[sk.Hit]:
    """As `Library.neighbours`, of a mixture; leaving out itself leaves out all its images.

    Raises:
        SamekindError: as there; or likes and unlikes cancel.
    """
    from samekind import Mix

    if mixture.is_single:
        return library.neighbours(mixture.like[0], k, where, leave_out_itself, adapted)
    parts = [library.asked(part) for part in mixture.parts]
    mix = Mix(
        *parts[: len(mixture.like)],
        weights=[1.0 if part.words is None else mixture.words_weight for part in mixture.like],
        unlike=parts[len(mixture.like) :],
        unlike_weight=mixture.unlike_weight,
    )
    own = {part.id for part in mixture.parts if part.id is not None and leave_out_itself}
    by_content = leave_out_itself and any(part.upload is not None for part in mixture.parts)
    hits = library.searched(mix, k + len(own), where, by_content, adapted)
    return search_view.without(hits, own, k)
