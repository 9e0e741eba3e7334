"""Screens on the page *Same or different?*: cards of an anchor and its images, of screens that were answered, and sentences.

As on a candidate pair, neither labels nor ids are on a screen's cards unless they were asked for: its images go by their places, from 1 on.
Nor is a doubt about a label, which comes from labels; that two pictures are nearly the same does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri
from samekind.app.view_models.label_pairs_view import DUPLICATE, WRONG_LABEL, tally
from samekind.app.view_models.marks import Marks
from samekind.app.view_models.pairs import Pair
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

SAME = "same"
IN_DOUBT = Badge("label in doubt")


def anchor_card(screen: sk.Screen, picture: bytes, badges: Sequence[Badge] = (), *, revealed: bool) -> Card:
    """The anchor, large.

    Args:
        screen: the screen.
        picture: the anchor's encoded picture.
        badges: its own, see `suspicions`.
        revealed: true if label and id may be seen.
    """
    return _card("anchor", screen.anchor, "the anchor", picture, heading="Anchor", badges=badges, revealed=revealed)


def image_cards(
    screen: sk.Screen, pictures: Sequence[bytes], badges: Mapping[str, Sequence[Badge]], *, revealed: bool
) -> list[Card]:
    """The images beside the anchor, each with its place as its id.

    Args:
        screen: the screen.
        pictures: encoded pictures of its images.
        badges: of some images, by their ids, see `suspicions`.
        revealed: true if labels and ids may be seen.
    """
    return [
        _card(str(place), image, f"image {place}", picture, badges=badges.get(image.id, ()), revealed=revealed)
        for place, (image, picture) in enumerate(zip(screen.images, pictures, strict=True), start=1)
    ]


def suspicions(
    screen: sk.Screen, copies: Sequence[tuple[str, str]], doubted: Collection[str]
) -> dict[str, list[Badge]]:
    """What is worth a second look, by the ids of images.

    Args:
        screen: the screen.
        copies: pairs of ids of its images, the anchor included, that are nearly the same picture.
        doubted: ids of images whose label may be wrong; empty while labels are hidden, since that comes from them.
    """
    name = {image.id: str(place) for place, image in enumerate(screen.images, start=1)}
    name[screen.anchor.id] = "the anchor"
    copies_of: dict[str, list[str]] = defaultdict(list)
    for first, second in copies:
        copies_of[first].append(name[second])
        copies_of[second].append(name[first])
    found: dict[str, list[Badge]] = defaultdict(list)
    for image in (screen.anchor, *screen.images):
        if image.id in copies_of:
            found[image.id].append(Badge(f"near copy of {', '.join(copies_of[image.id])}"))
        if image.id in doubted:
            found[image.id].append(IN_DOUBT)
    return dict(found)


def images_at(screen: sk.Screen, places: Collection[int]) -> list[sk.ScreenImage]:
    """The images at some places of a screen; a place that it does not have is passed over."""
    return [image for place, image in enumerate(screen.images, start=1) if place in places]


def marks_of(screen: sk.Screen, answered: AnsweredScreen, name: str = "") -> Marks:
    """The marks by which a screen was answered, and the name that was given with it."""
    same, duplicate, wrong_label = (
        tuple(place for place, image in enumerate(screen.images, start=1) if image.sha256 in marked)
        for marked in (answered.same, answered.duplicates, answered.wrong_labels)
    )
    return Marks(same, duplicate, wrong_label, name)


@dataclass(frozen=True)
class AnsweredScreen:
    """The answers of a screen that still hold.

    Attributes:
        id: of the screen.
        anchor: content hash.
        images: content hashes in the order in which they were shown.
        same: those that were called the same, copies of the anchor included.
        duplicates: those of them that are copies of it.
        wrong_labels: those whose label was called wrong.
        verdict: the latest of the answers, which says by whom and when.
    """

    id: str
    anchor: str
    images: tuple[str, ...]
    same: tuple[str, ...]
    duplicates: tuple[str, ...]
    wrong_labels: tuple[str, ...]
    verdict: sk.Verdict


def answered_screens(current: Mapping[Pair, sk.Verdict]) -> list[AnsweredScreen]:
    """The screens that present verdicts were given on, the newest first."""
    by_screen: dict[str, list[sk.Verdict]] = {}
    wrong_labels: dict[str, list[str]] = {}
    for verdict in current.values():
        if (
            verdict.screen and verdict.verdict == WRONG_LABEL
        ):  # about its anchor's label, and not about the screen's pairs
            wrong_labels.setdefault(verdict.screen, []).append(verdict.anchor_sha256)
        elif verdict.screen:
            by_screen.setdefault(verdict.screen, []).append(verdict)
    found = [
        AnsweredScreen(
            screen,
            given[0].anchor_sha256,
            tuple(v.negative_sha256 for v in given),
            tuple(v.negative_sha256 for v in given if v.verdict in (SAME, DUPLICATE)),
            tuple(v.negative_sha256 for v in given if v.verdict == DUPLICATE),
            tuple(wrong_labels.get(screen, ())),
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


def _card(
    id_: str,
    image: sk.ScreenImage,
    words: str,
    picture: bytes,
    *,
    heading: str = "",
    badges: Sequence[Badge] = (),
    revealed: bool,
) -> Card:
    lines = (image.label or "no label", image.id) if revealed else ()
    alt = f"{words}, {alt_text(image.id, image.label)}" if revealed else words
    alt = ", ".join([alt, *(badge.text for badge in badges)])
    return Card(id_, (Picture(data_uri(picture), alt),), heading=heading, lines=lines, badges=tuple(badges))
