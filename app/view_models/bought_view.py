"""What answers have bought, on the page *Same or different?*: figures, sentences, and an image's neighbours before and after.

As on screens, no label is on a card unless it was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samekind.app.view_models.cards import Card, Picture, alt_text, data_uri
from samekind.app.view_models.pairs import Pair
from samekind.core.text import percent

if TYPE_CHECKING:
    import samekind as sk

NOTHING_YET = "Nothing yet: searches see images as the encoder does. Held-out images have to gain first."


def outcome(report: sk.AdaptReport) -> str:
    """One line: what adapting did, or why nothing."""
    if report.adapted:
        return f"Adapted: {report.message}."
    stays = "" if report.version is None else f" Version {report.version} stays in force."
    return f"Not adapted: {report.message}.{stays}"


def undone(version: int | None) -> str:
    """One line: what searches use after an adaptation was taken back."""
    now = "searches see images as the encoder does" if version is None else f"version {version} is in force again"
    return f"Undone: {now}. Your answers stay."


@dataclass(frozen=True)
class Bought:
    """What there is, and what it bought.

    Attributes:
        answers: pairs called same, duplicate or different.
        groups: groups of images known to be the same.
        images: images in them.
        steps: adaptations, the one in force last, see `Index.adaptations`.
    """

    answers: int
    groups: int
    images: int
    steps: Sequence[Mapping[str, Any]]

    @classmethod
    def of(cls, current: Mapping[Pair, sk.Verdict], steps: Sequence[Mapping[str, Any]]) -> Bought:
        """Counts the present answers."""
        from samekind import link_constraints

        known = link_constraints(current.values())
        groups = known.must_link_groups
        return cls(len(known.must_link) + len(known.cannot_link), len(groups), sum(map(len, groups)), steps)

    def held_out(self) -> tuple[str, str, str] | None:
        """Share of held-out comparisons that come out right now, by how much that is more, and before; `None` without an adaptation."""
        if not self.steps:
            return None
        judged = self.steps[-1]["held_out"]
        before, after, error = judged["before"], judged["after"], judged["error"]
        return percent(after), f"{100 * (after - before):+.1f} ± {100 * error:.1f} points", percent(before)


def worth_sentence(steps: Sequence[Mapping[str, Any]]) -> str:
    """What the next answers are worth, or that it cannot be told yet; empty without an adaptation."""
    from samekind import worth_of_more

    if not steps:
        return ""
    found = worth_of_more(steps)
    if found is None:
        return "What more answers are worth can be told when half as many again are given."
    return f"{found.line}."


def neighbour_cards(
    hits: Sequence[sk.Hit], thumbnails: Sequence[bytes], *, before: Sequence[str] | None, revealed: bool
) -> list[Card]:
    """The images nearest to the anchor, nearest first.

    Args:
        hits: the images.
        thumbnails: their pictures.
        before: ids of those that were nearest before, beside which the others are new and framed; `None` for these themselves.
        revealed: true if labels may be seen.
    """
    when = "before" if before is None else "after"
    cards = []
    for rank, (hit, thumbnail) in enumerate(zip(hits, thumbnails, strict=True), start=1):
        is_new = before is not None and hit.id not in before
        words = f"neighbour {rank} {when}{', new' if is_new else ''}"
        alt = f"{words}, {alt_text(hit.id, hit.label)}" if revealed else words
        cards.append(
            Card(
                f"{when} {rank}",
                (Picture(data_uri(thumbnail), alt),),
                lines=(hit.label or "no label",) if revealed else (),
                tone="chosen" if is_new else "plain",
            )
        )
    return cards


def row_words(ids: Sequence[str], before: Sequence[str] | None) -> str:
    """The words over a row of neighbours: before, or after and how many of them are new."""
    if before is None:
        return "Before"
    num_new = len(set(ids) - set(before))
    return f"After: {num_new} of {len(ids)} new" if num_new else "After: the same images"
