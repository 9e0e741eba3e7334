"""What the page *Confirm* shows, as pure functions: the two images, answers as cards, and sentences.

Labels sway whoever sees them, and in a folder's corpus ids hold the class. So neither, nor the figures that say what the encoder thinks,
are on a question's cards, not even in the text for screen readers, unless they were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from app.view_models import Badge, Card, Picture, alt_text, counted, data_uri, percent

if TYPE_CHECKING:
    import samekind as sk

Pair = tuple[str, str]

WRONG_LABEL = "wrong_label"
ENOUGH_ANSWERS = 20
A_GOOD_ROUND = 200


@dataclass(frozen=True)
class Choice:
    """One of the answers: its name in the table, its button, its key and what it means."""

    verdict: str
    words: str
    key: str
    meaning: str


CHOICES = (
    Choice("same", "Same kind", "1", "Both show the same kind of thing: pushing them apart was a mistake."),
    Choice("different", "Different", "2", "They look alike and are of different kinds: a negative as it should be."),
    Choice("unsure", "Unsure", "3", "You cannot tell. The pair is not asked again."),
    Choice(WRONG_LABEL, "Wrong label", "4", "One of the two has a label that is not its own; a note may say which."),
    Choice("duplicate", "Duplicate", "5", "Both show the very same thing: a copy, another crop, another scan."),
)
WORDS = {choice.verdict: choice.words for choice in CHOICES}


def question_card(question: sk.Question, role: str, thumbnail: bytes, *, revealed: bool) -> Card:
    """One image of a question, large.

    Args:
        question: the pair.
        role: `anchor` or `negative`.
        thumbnail: its encoded picture.
        revealed: whether label and id may be seen.
    """
    is_anchor = role == "anchor"
    id_ = question.anchor_id if is_anchor else question.negative_id
    label = question.anchor_label if is_anchor else question.negative_label
    words = f"the {role}, {alt_text(id_, label)}" if revealed else f"the {role}"
    lines = (label or "no label", id_) if revealed else ()
    return Card(role, (Picture(data_uri(thumbnail), words),), heading=role.capitalize(), lines=lines)


def neighbour_cards(hits: Sequence[sk.Hit], thumbnails: Sequence[bytes], role: str) -> list[Card]:
    """The images nearest to one of the two, small and without words."""
    return [
        Card(str(rank), (Picture(data_uri(thumbnail), f"neighbour {rank} of the {role}"),))
        for rank, (_, thumbnail) in enumerate(zip(hits, thumbnails, strict=True), start=1)
    ]


def figures(question: sk.Question) -> str:
    """What the encoder thinks of a pair."""
    share = "" if question.gradient_share is None else f" · {percent(question.gradient_share)} of the anchor's gradient"
    return f"similarity {question.similarity:.3f}{share} · probability of one kind {percent(question.probability, 0)}"


def answer_card(verdict: sk.Verdict, question: sk.Question, thumbnails: Sequence[bytes], action: str) -> Card:
    """An answer that was given, with who, when and why, and a button."""
    ids = (question.anchor_id, question.negative_id)
    labels = (question.anchor_label, question.negative_label)
    pictures = tuple(
        Picture(data_uri(thumbnail), alt_text(id_, label))
        for id_, label, thumbnail in zip(ids, labels, thumbnails, strict=True)
    )
    said = (" · ".join(label or "no label" for label in labels),) if any(labels) else ()
    signed = ", ".join(filter(None, (verdict.who, f"{verdict.moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC")))
    return Card(
        key_of(verdict.pair),
        pictures,
        heading=WORDS[verdict.verdict],
        lines=(*said, signed),
        badges=(Badge(verdict.note),) if verdict.note else (),
        action=action,
        action_label=f"{action}: {WORDS[verdict.verdict]}, {alt_text(*ids)}",
    )


def key_of(pair: Pair) -> str:
    """A pair as the id of a card."""
    return "|".join(pair)


def pair_of(key: str) -> Pair:
    """The pair behind a card's id."""
    first, second = key.split("|")
    return first, second


def latest(current: Mapping[Pair, sk.Verdict], count: int) -> list[sk.Verdict]:
    """The answers that hold and were given last, the newest first."""
    return sorted(current.values(), key=lambda verdict: verdict.moment, reverse=True)[:count]


def tally(current: Mapping[Pair, sk.Verdict]) -> str:
    """How many of each answer there are, in the order of the keys."""
    counts = Counter(verdict.verdict for verdict in current.values())
    return " · ".join(f"{counts[choice.verdict]:,} {choice.words.lower()}" for choice in CHOICES)


def progress_sentence(current: Mapping[Pair, sk.Verdict], left: int) -> str:
    """How far the work is."""
    return f"{counted(len(current), 'pair')} answered ({tally(current)}), {left:,} left"


def are_enough(current: Mapping[Pair, sk.Verdict]) -> bool:
    """Whether there are answers enough, of both kinds, to learn from."""
    counts = Counter(verdict.verdict for verdict in current.values())
    same, different = counts["same"] + counts["duplicate"], counts["different"]
    return same > 0 and different > 0 and same + different >= ENOUGH_ANSWERS
