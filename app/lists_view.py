"""The lists of wrong labels and of duplicates as the page shows them: cards, words, and the verdict that each answer becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from samekind.app.view_models import Badge, Card, Picture, alt_text, data_uri
from samekind.core.text import percent

if TYPE_CHECKING:
    import samekind as sk
    from samekind.app.leases import Pair

EVIDENCE_SHOWN = 5
ANSWERED = {True: "confirmed", False: "dismissed"}
Listed = TypeVar("Listed", "sk.LabelIssue", "sk.Duplicate")


def suspect_card(suspect: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> Card:
    """The suspect: the label that it has and the one that its neighbours suggest."""
    return Card(
        suspect.id,
        (Picture(data_uri(thumbnails[suspect.id]), alt_text(suspect.id, suspect.label)),),
        heading=f"{suspect.label} → {suspect.suggested}?",
        lines=(f"suspicion {suspect.score:.3f}", suspect.id),
        badges=_badges(suspect.confirmed),
        tone="chosen",
    )


def evidence_cards(suspect: sk.LabelIssue, thumbnails: Mapping[str, bytes]) -> list[Card]:
    """The nearest images of the suggested class."""
    return [
        Card(
            id_,
            (Picture(data_uri(thumbnails[id_]), alt_text(id_, suspect.suggested)),),
            heading=suspect.suggested,
            lines=(id_,),
        )
        for id_ in suspect.neighbours[:EVIDENCE_SHOWN]
    ]


def votes_sentence(suspect: sk.LabelIssue) -> str:
    """How the neighbours voted."""
    return (
        f"Of its neighbours' votes {percent(suspect.suggested_share, 0)} are for {suspect.suggested}, "
        f"{percent(suspect.label_share, 0)} for {suspect.label}."
    )


def duplicate_card(pair: sk.Duplicate, thumbnails: Mapping[str, bytes]) -> Card:
    """A pair, its two pictures side by side; labels that differ are told."""
    pictures = tuple(
        Picture(data_uri(thumbnails[id_]), alt_text(id_, label))
        for id_, label in ((pair.a, pair.a_label), (pair.b, pair.b_label))
    )
    lines = [f"pixels agree {pair.score:.3f}", f"{pair.a}{_label(pair.a_label)}", f"{pair.b}{_label(pair.b_label)}"]
    heading = "exact copy" if pair.kind == "exact" else "near copy"
    return Card(f"{pair.a} {pair.b}", pictures, heading, tuple(lines), (*_disagreement(pair), *_badges(pair.confirmed)))


def pictured(listed: sk.LabelIssue | sk.Duplicate) -> list[str]:
    """Ids of the images that one entry shows."""
    from samekind import LabelIssue

    if isinstance(listed, LabelIssue):
        return [listed.id, *listed.neighbours[:EVIDENCE_SHOWN]]
    return [listed.a, listed.b]


def unanswered(entries: tuple[Listed, ...]) -> list[Listed]:
    """What nobody has answered yet; a pair of equal content needs no answer and stays out."""
    return [entry for entry in entries if entry.confirmed is None and getattr(entry, "kind", "near") != "exact"]


def beside(own: str, others: Sequence[str], current: Mapping[Pair, sk.Verdict]) -> str:
    """Which of the others an answer about an image is recorded with: the first about which nobody has said anything beside this image.

    A later verdict on a pair takes the place of an earlier one, which would be lost. If all have an answer, it is the first of them.

    Args:
        own: content hash of the image.
        others: those of the others, nearest first.
        current: the present verdict on each pair.
    """
    untouched = (other for other in others if (min(own, other), max(own, other)) not in current)
    return next(untouched, others[0])


def _label(label: str | None) -> str:
    return "" if label is None else f" ({label})"


def _disagreement(pair: sk.Duplicate) -> tuple[Badge, ...]:
    differ = pair.a_label is not None and pair.b_label is not None and pair.a_label != pair.b_label
    return (Badge("LABELS DIFFER", "false"),) if differ else ()


def _badges(confirmed: bool | None) -> tuple[Badge, ...]:
    return () if confirmed is None else (Badge(ANSWERED[confirmed], "same" if confirmed else "neutral"),)
