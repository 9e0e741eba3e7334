"""Duplicates as groups: images that are one picture, directly or through others, on the page *Clean up*."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

IMAGES_SHOWN = 8
"""Images of one group that are drawn; the rest is counted."""


@dataclass(frozen=True)
class CopyGroup:
    """Images that listed pairs join.

    Attributes:
        images: ids, those of the surest pair first.
        pairs: the listed pairs among them, the surest first.
    """

    images: tuple[str, ...]
    pairs: tuple[sk.Duplicate, ...]

    @property
    def near(self) -> tuple[sk.Duplicate, ...]:
        """The pairs that somebody can answer: equal files need no answer."""
        return tuple(pair for pair in self.pairs if pair.kind != "exact")

    @property
    def is_open(self) -> bool:
        """True if a pair has no answer yet."""
        return any(pair.confirmed is None for pair in self.near)

    @property
    def splits(self) -> frozenset[str]:
        """Splits of its images."""
        return frozenset(split for pair in self.pairs for split in (pair.a_split, pair.b_split))


def grouped(pairs: Sequence[sk.Duplicate]) -> list[CopyGroup]:
    """The groups that pairs join, in the order of their surest pairs."""
    group_of: dict[str, int] = {}
    images: dict[int, dict[str, None]] = {}
    for number, pair in enumerate(pairs):
        own = images[number] = {}
        for id_ in (pair.a, pair.b):
            own |= images.pop(group_of[id_], {}) if group_of.get(id_, number) != number else {id_: None}
            group_of |= dict.fromkeys(own, number)
    of_group: dict[int, list[sk.Duplicate]] = {}
    for pair in pairs:
        of_group.setdefault(group_of[pair.a], []).append(pair)
    return [CopyGroup(tuple(images[number]), tuple(found)) for number, found in of_group.items()]


def groups_sentence(found: sk.Duplicates, groups: Sequence[CopyGroup]) -> str:
    """How many pairs and groups there are, how large they get, and how many pairs are of two splits."""
    pairs, many = counted(found.num_pairs, "pair"), counted(len(groups), "group")
    largest = max(len(group.images) for group in groups)
    crossing = sum(pair.a_split != pair.b_split for pair in found.pairs)
    text = f"**{pairs}** of the same picture or nearly; {len(found.pairs):,} listed, in **{many}**, the largest of {largest} images."
    if crossing:
        text += f" **{crossing:,}** of these pairs {'is' if crossing == 1 else 'are'} of two splits (see *Leaks*)."
    return text


def group_cards(group: CopyGroup, thumbnails: Mapping[str, bytes]) -> list[Card]:
    """The images of a group, each with its class and split."""
    facts = {
        id_: (label, split)
        for pair in group.pairs
        for id_, label, split in ((pair.a, pair.a_label, pair.a_split), (pair.b, pair.b_label, pair.b_split))
    }
    cards = []
    for id_ in group.images[:IMAGES_SHOWN]:
        label, split = facts[id_]
        badges = (Badge(split.upper(), "neutral"),) if len(group.splits) > 1 else ()
        picture = Picture(data_uri(thumbnails[id_]), alt_text(id_, label))
        cards.append(Card(id_, (picture,), heading=label or "", lines=(id_,), badges=badges))
    return cards


def group_heading(group: CopyGroup) -> str:
    """What holds its images together, and what is said of it."""
    equal = len(group.pairs) - len(group.near)
    kinds = [counted(equal, "pair of equal files", "pairs of equal files")] * bool(equal)
    kinds += [counted(len(group.near), "near copy", "near copies")] * bool(group.near)
    hidden = len(group.images) - IMAGES_SHOWN
    more = f"; {IMAGES_SHOWN} of them shown" if hidden > 0 else ""
    labels = {label for pair in group.pairs for label in (pair.a_label, pair.b_label) if label is not None}
    differ = " **Labels differ.**" if len(labels) > 1 else ""
    across = f" **In {' and '.join(sorted(group.splits))}.**" if len(group.splits) > 1 else ""
    answered = [pair.confirmed for pair in group.near if pair.confirmed is not None]
    said = f" Answered: {sum(answered)} of {len(answered)} the same picture." if answered else ""
    return f"**{len(group.images)} images**, joined by {' and '.join(kinds)}{more}.{differ}{across}{said}"
