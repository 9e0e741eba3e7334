"""One query in two runs: what the lists have in common, as a sentence and on cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from samekind.app.view_models.cards import Badge, Card
from samekind.core.text import UNDEFINED

if TYPE_CHECKING:
    from samekind import runs

IN_BOTH = "in both"


def overlap_sentence(found: runs.Overlap, here: int, there: int) -> str:
    """How far two lists of `here` and `there` hits agree; empty if one of them is empty.

    Args:
        found: their comparison.
        here: length of the first list.
        there: of the second.
    """
    if not here or not there:
        return ""
    both, of = len(found.here), f"{here}" if here == there else f"{here} here and {there} there"
    if found.first_difference is None:
        return f"All {of} are the same images, in the same order." if here > 1 else "Both runs find the same image."
    if both == 0:
        return f"None of {of} is the same image."
    what = "is the same image" if both == 1 else "are the same images"
    return f"{both} of {of} {what}; the lists first differ at rank {found.first_difference}."


def with_ranks(cards: Sequence[Card], ranks: Mapping[str, int]) -> list[Card]:
    """Cards of one list that say which are in the other list, too, and at which rank.

    Args:
        cards: of the hits.
        ranks: those in the other list, by id.
    """
    return [
        replace(card, lines=(f"there rank {ranks[card.id]}", *card.lines), badges=(*card.badges, Badge(IN_BOTH)))
        if card.id in ranks
        else card
        for card in cards
    ]


def as_here(cards: Sequence[Card], ids: Mapping[str, str]) -> list[Card]:
    """Cards of another run: of an image that this run holds, its buttons are about that; others have none.

    Args:
        cards: with ids of the other run.
        ids: by id there, that of the same image here.
    """
    return [
        replace(card, id=ids[card.id]) if card.id in ids else replace(card, id="", action="", action_label="", acts=())
        for card in cards
    ]


WITHOUT_PICTURES = "This run holds vectors only, without pictures"


def pictures_sentence(own: Sequence[bytes | None], shown: Sequence[bytes | None]) -> str:
    """What is to be said of the pictures of a run; empty if it has those of all its hits.

    Args:
        own: that the run has.
        shown: likewise, with those that another run has of the same images.
    """
    if None not in own:
        return ""
    return f"{WITHOUT_PICTURES}{': those shown are of the same images in another run' if any(shown) else ''}."


def made_by(record: runs.RunRecord) -> str:
    """What made a run, in a few words."""
    return ", ".join(filter(None, (record.encoder, record.method or "not trained here"))) or UNDEFINED
