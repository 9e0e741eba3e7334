"""Cards beside the map: the hardest negatives of the image that was picked, and the images that were selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from samekind.app.view_models.cards import Badge, Card, Picture, Tone, alt_text, data_uri

if TYPE_CHECKING:
    import samekind as sk

FALSE, OTHER, UNKNOWN = "FALSE NEGATIVE", "another class", "class unknown"
_SAID: dict[bool | None, tuple[str, Tone]] = {True: (FALSE, "false"), False: (OTHER, "plain"), None: (UNKNOWN, "plain")}


def tones(
    hits: Sequence[sk.Hit], label: str | None, same_class: Callable[[str | None, str | None], bool | None]
) -> list[Tone]:
    """`false` for each hit that is of the anchor's class, `plain` for all others."""
    return [_SAID[same_class(label, hit.label)][1] for hit in hits]


def negative_cards(
    hits: Sequence[sk.Hit],
    thumbnails: Sequence[bytes],
    label: str | None,
    same_class: Callable[[str | None, str | None], bool | None],
) -> list[Card]:
    """Cards of an image's hardest negatives, hardest first; pressing one picks it.

    Args:
        hits: the images most similar to it.
        thumbnails: theirs.
        label: of the image itself.
        same_class: says whether two labels are one class.
    """
    cards = []
    for rank, (hit, encoded) in enumerate(zip(hits, thumbnails, strict=True), 1):
        words, tone = _SAID[same_class(label, hit.label)]
        cards.append(
            Card(
                id=hit.id,
                pictures=(Picture(data_uri(encoded), alt_text(hit.id, hit.label)),),
                heading=hit.label or hit.id,
                lines=(f"{rank}. similarity {hit.similarity:.3f}",),
                badges=(Badge(words, "false" if tone == "false" else "neutral"),),
                tone=tone,
                action="whole",
                action_label=f"show {alt_text(hit.id, hit.label)} on the map",
            )
        )
    return cards


def selected_cards(ids: Sequence[str], labels: Sequence[str | None], thumbnails: Sequence[bytes]) -> list[Card]:
    """Cards of selected images; pressing one picks it."""
    return [
        Card(
            id=id_,
            pictures=(Picture(data_uri(encoded), alt_text(id_, label)),),
            heading=label or "",
            lines=(id_,),
            action="whole",
            action_label=f"show {alt_text(id_, label)} on the map",
        )
        for id_, label, encoded in zip(ids, labels, thumbnails, strict=True)
    ]
