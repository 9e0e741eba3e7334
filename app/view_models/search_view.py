"""The page *Search*: cards of the grid, of the query and of its neighbours, and sentences about them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.app.view_models.cards import Act, Badge, Card, Picture, alt_text, data_uri
from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk

SameClass = Callable[[str | None, str | None], bool | None]
"""`Index.same_class`; equality where no image has several labels."""

Part = tuple[str, str | None, str | None]
"""Of a part of a query: its name, its class, and its picture as a data URI, which words do not have."""
NO_PICTURE = "no picture"
MORE, LESS, OPEN = "more", "less", "open"
STRANGE = 0.01
"""Share of the corpus' own images that may have no nearer neighbour than a query before it is called strange."""


def picker_cards(
    ids: Sequence[str], labels: Sequence[str | None], thumbnails: Sequence[bytes], chosen: Collection[str] = ()
) -> list[Card]:
    """Cards to choose a query from: the whole card is the button.

    Args:
        ids: of the shown images.
        labels: their classes.
        thumbnails: their encoded pictures.
        chosen: ids of the present query, which are marked.
    """
    return [
        Card(
            id_,
            (Picture(data_uri(thumbnail), alt_text(id_, label)),),
            heading=label or "",
            lines=(id_,),
            badges=(Badge("the query"),) if id_ in chosen else (),
            tone="chosen" if id_ in chosen else "plain",
            action="whole",
            action_label=f"search with {alt_text(id_, label)}",
        )
        for id_, label, thumbnail in zip(ids, labels, thumbnails, strict=True)
    ]


def neighbour_cards(
    hits: Sequence[sk.Hit],
    thumbnails: Sequence[bytes | None],
    query_label: str | None,
    same_class: SameClass = operator.eq,
    own: Collection[str] = (),
) -> list[Card]:
    """Cards of search results, those of the query's class marked "same class"; `same_class` compares two labels.

    Images that are searched with, of the ids `own`, are marked as what they are. A hit without a picture has words in its place.
    """
    cards = []
    for hit, thumbnail in zip(hits, thumbnails, strict=True):
        itself = hit.id in own
        same = (
            query_label is not None
            and hit.label is not None
            and bool(same_class(hit.label, query_label))
            and not itself
        )
        cards.append(
            Card(
                hit.id,
                () if thumbnail is None else (Picture(data_uri(thumbnail), alt_text(hit.id, hit.label)),),
                heading=f"{hit.rank}. {hit.label or ''}".rstrip(),
                lines=(f"similarity {hit.similarity:.3f}", hit.id, *([NO_PICTURE] if thumbnail is None else [])),
                badges=(Badge("the query"),) if itself else (Badge("same class", "same"),) if same else (),
                tone="same" if same else "plain",
                action="Search with this",
                action_label=f"search with {alt_text(hit.id, hit.label)} alone",
                acts=(_enlarge(alt_text(hit.id, hit.label)),) if itself else _acts(hit),
            )
        )
    return cards


def _acts(hit: sk.Hit) -> tuple[Act, ...]:
    name = alt_text(hit.id, hit.label)
    return (
        Act(MORE, "More", f"more like {name}", "m"),
        Act(LESS, "Less", f"less like {name}", "l"),
        _enlarge(name),
    )


def _enlarge(name: str) -> Act:
    return Act(OPEN, "⤢", f"the original and the tags of {name}", "o")


def part_cards(like: Sequence[Part], unlike: Sequence[Part]) -> list[Card]:
    """Cards of what a mixture is made of: name, label and picture of each part, with a button that takes it out.

    Each card has its place among all of them, `like` first, for an id.
    """
    marks = [Badge("like", "same")] * len(like) + [Badge("unlike", "false")] * len(unlike)
    return [
        Card(
            str(place),
            () if picture is None else (Picture(picture, f"a part of the query, {alt_text(name, label)}"),),
            heading=label or ("" if picture else f"“{name}”"),
            lines=(name,) if picture else (),
            badges=(mark,),
            tone=mark.tone,
            action="Take out",
            action_label=f"take {alt_text(name, label) if picture else name} out of the query",
        )
        for place, (mark, (name, label, picture)) in enumerate(zip(marks, [*like, *unlike], strict=True))
    ]


def same_class_sentence(
    hits: Sequence[sk.Hit], query_label: str | None, same_class: SameClass = operator.eq, own: Collection[str] = ()
) -> str:
    """Share of the neighbours with the query's class; empty if the query has none. Hits without a label, and the query, do not count."""
    labelled = [hit for hit in hits if hit.label is not None and hit.id not in own]
    if query_label is None or not labelled:
        return ""
    same = sum(bool(same_class(hit.label, query_label)) for hit in labelled)
    if len(labelled) == 1:
        return f"The neighbour {'has' if same else 'does not have'} the same class, {query_label}."
    return (
        f"{same} of {len(labelled)} neighbours ({percent(same / len(labelled), 0)}) have the same class, {query_label}."
    )


def without(hits: Sequence[sk.Hit], ids: Collection[str], k: int) -> list[sk.Hit]:
    """The first k hits that are none of the images `ids` themselves, ranked anew."""
    kept = [hit for hit in hits if hit.id not in ids][:k]
    return [replace(hit, rank=rank) for rank, hit in enumerate(kept, start=1)]


def query_card(name: str, label: str | None, picture: str) -> Card:
    """The query, large; `picture` is a data URI."""
    return Card(
        "",
        (Picture(picture, f"the query, {alt_text(name, label)}"),),
        heading=label or "",
        lines=(name,),
        tone="chosen",
    )


def words_card(words: str) -> Card:
    """The words that are searched with, where the picture of a query would be."""
    return Card("", (), heading=f"“{words}”", tone="chosen")


def shortfall_sentence(shown: int, k: int) -> str:
    """Sentence for fewer images than asked for; empty if there were enough."""
    if shown >= k:
        return ""
    if shown == 0:
        return "No image passes the filter."
    return f"Only {counted(shown, 'image')} could be shown where {k} were asked for: there are no more that pass."


@dataclass(frozen=True)
class Likeness:
    """How like the corpus a query from elsewhere is.

    Attributes:
        sentence: compares its nearest neighbour with what the corpus' own images have.
        strange: its nearest is farther than all but one in a hundred of them have, so that its neighbours say little.
    """

    sentence: str
    strange: bool


def likeness(nearest: float, usual: NDArray[np.float64]) -> Likeness | None:
    """Places the similarity of a query's nearest neighbour among those of the corpus' own images; `None` without any.

    Args:
        nearest: cosine in [-1, 1].
        usual: `(n,)` cosines of images of the corpus to their nearest other one, ascending.
    """
    if len(usual) == 0:
        return None
    below = float(np.searchsorted(usual, nearest) / len(usual))
    middle = float(np.median(usual))
    if below < STRANGE:
        text = (
            f"Nothing in this corpus is like this picture: its nearest has similarity {nearest:.2f}, and {percent(1 - below, 0)} of the "
            f"corpus' own images have a nearer one (half of them from {middle:.2f} up). Take these neighbours with care, and look at what "
            "the encoder sees."
        )
        return Likeness(text, True)
    text = (
        f"The nearest has similarity {nearest:.2f}. Of the corpus' own images {percent(below, 0)} have a nearest one that is less "
        "similar."
    )
    return Likeness(text, False)


def scale_sentence(adapted: bool) -> str:
    """A word where the numbers on the cards are no longer those of before."""
    return "Similarities are on the scale of the space that people's answers have adapted." if adapted else ""


def seen_card(picture: str, side: int, grey: bool) -> Card:
    """What the encoder gets of an upload; `picture` is a data URI."""
    lines = (f"{side} × {side} pixels, {'grey' if grey else 'in colour'}",)
    return Card("", (Picture(picture, "what the encoder sees"),), heading="What the encoder sees", lines=lines)
