"""Screens on the page *Label pairs*: cards of an anchor and its images, of screens that were answered, and sentences.

As on a candidate pair, neither labels nor ids are on a screen's cards unless they were asked for: its images go by their places, from 1 on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from samekind.app.view_models.cards import Card, Picture, alt_text, data_uri
from samekind.app.view_models.label_pairs_view import tally
from samekind.app.view_models.pairs import Pair
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

SAME = "same"


def anchor_card(screen: sk.Screen, picture: bytes, *, revealed: bool) -> Card:
    """The anchor, large.

    Args:
        screen: the screen.
        picture: the anchor's encoded picture.
        revealed: true if label and id may be seen.
    """
    return _card("anchor", screen.anchor, "the anchor", picture, heading="Anchor", revealed=revealed)


def image_cards(screen: sk.Screen, pictures: Sequence[bytes], *, revealed: bool) -> list[Card]:
    """The images beside the anchor, each with its place as its id."""
    return [
        _card(str(place), image, f"image {place}", picture, revealed=revealed)
        for place, (image, picture) in enumerate(zip(screen.images, pictures, strict=True), start=1)
    ]


def places_of(screen: sk.Screen, ids: Sequence[str]) -> list[int]:
    """The places of images on a screen, ascending."""
    return [place for place, image in enumerate(screen.images, start=1) if image.id in ids]


def ids_at(screen: sk.Screen, places: Sequence[int]) -> list[str]:
    """The images at some places of a screen; a place that it does not have is passed over."""
    return [image.id for place, image in enumerate(screen.images, start=1) if place in places]


@dataclass(frozen=True)
class AnsweredScreen:
    """The answers of a screen that still hold.

    Attributes:
        id: of the screen.
        anchor: content hash.
        images: content hashes in the order in which they were shown.
        same: those that were called the same.
        verdict: the latest of the answers, which says by whom and when.
    """

    id: str
    anchor: str
    images: tuple[str, ...]
    same: tuple[str, ...]
    verdict: sk.Verdict


def answered_screens(current: Mapping[Pair, sk.Verdict]) -> list[AnsweredScreen]:
    """The screens that present verdicts were given on, the newest first."""
    by_screen: dict[str, list[sk.Verdict]] = {}
    for verdict in current.values():
        if verdict.screen:
            by_screen.setdefault(verdict.screen, []).append(verdict)
    found = [
        AnsweredScreen(
            screen,
            given[0].anchor_sha256,
            tuple(v.negative_sha256 for v in given),
            tuple(v.negative_sha256 for v in given if v.verdict == SAME),
            max(given, key=lambda v: v.moment),
        )
        for screen, given in by_screen.items()
    ]
    return sorted(found, key=lambda each: each.verdict.moment, reverse=True)


def answered_card(answered: AnsweredScreen, screen: sk.Screen, thumbnails: Sequence[bytes]) -> Card:
    """A screen that was answered: its anchor, the first image that is the same, if any, the counts, and a button that takes it back.

    Args:
        answered: the answers.
        screen: the images that they are about.
        thumbnails: of the anchor and that image.
    """
    num_same = len(answered.same)
    pictures = tuple(
        Picture(data_uri(each), "an image called the same" if place else "the anchor")
        for place, each in enumerate(thumbnails)
    )
    heading = f"{num_same} same · {len(answered.images) - num_same} different"
    verdict = answered.verdict
    signed = ", ".join(filter(None, (verdict.who, f"{verdict.moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC")))
    lines = (screen.anchor.label, signed) if screen.anchor.label else (signed,)
    return Card(
        answered.id, pictures, heading=heading, lines=lines, action="Undo", action_label=f"Undo: {heading}, {signed}"
    )


def progress_sentence(current: Mapping[Pair, sk.Verdict], num_unseen: int) -> str:
    """Pairs answered, and images that no answer is about."""
    return f"{counted(len(current), 'pair')} answered ({tally(current)}), {counted(num_unseen, 'image')} not seen yet"


def _card(id_: str, image: sk.ScreenImage, words: str, picture: bytes, *, heading: str = "", revealed: bool) -> Card:
    lines = (image.label or "no label", image.id) if revealed else ()
    alt = f"{words}, {alt_text(image.id, image.label)}" if revealed else words
    return Card(id_, (Picture(data_uri(picture), alt),), heading=heading, lines=lines)
