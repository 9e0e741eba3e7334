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

from samekind.app.view_models import Badge, Card, Picture, alt_text, data_uri
from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk
    from samekind.app.leases import Pair

WRONG_LABEL = "wrong_label"
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
    Choice(WRONG_LABEL, "Wrong label", "4", "A label is not its own: shows both labels, and asks whose is wrong."),
    Choice("duplicate", "Duplicate", "5", "Both show the very same thing: a copy, another crop, another scan."),
)
WHOSE = (
    Choice("anchor", "Anchor mislabelled", "a", "The left image is not of the kind that its label says."),
    Choice("negative", "Negative mislabelled", "n", "The right image is not of the kind that its label says."),
)
"""What follows on `WRONG_LABEL`, by role instead of by verdict."""
WORDS = {choice.verdict: choice.words for choice in CHOICES}


def question_card(question: sk.CandidatePair, role: str, picture: bytes, *, revealed: bool) -> Card:
    """One image of a question, large.

    Args:
        question: the pair.
        role: `anchor` or `negative`.
        picture: its encoded picture.
        revealed: whether label and id may be seen.
    """
    is_anchor = role == "anchor"
    id_ = question.anchor_id if is_anchor else question.negative_id
    label = question.anchor_label if is_anchor else question.negative_label
    words = f"the {role}, {alt_text(id_, label)}" if revealed else f"the {role}"
    lines = (label or "no label", id_) if revealed else ()
    return Card(role, (Picture(data_uri(picture), words),), heading=role.capitalize(), lines=lines)


def neighbour_cards(hits: Sequence[sk.Hit], thumbnails: Sequence[bytes], role: str) -> list[Card]:
    """The images nearest to one of the two, small and without words."""
    return [
        Card(str(rank), (Picture(data_uri(thumbnail), f"neighbour {rank} of the {role}"),))
        for rank, (_, thumbnail) in enumerate(zip(hits, thumbnails, strict=True), start=1)
    ]


def figures(question: sk.CandidatePair) -> str:
    """What the encoder thinks of a pair."""
    share = "" if question.gradient_share is None else f" · {percent(question.gradient_share)} of the anchor's gradient"
    return f"similarity {question.similarity:.3f}{share} · probability of one kind {percent(question.probability, 0)}"


def answer_card(verdict: sk.Verdict, question: sk.CandidatePair, thumbnails: Sequence[bytes], action: str) -> Card:
    """An answer that was given, with who, when and why, and a button."""
    ids = (question.anchor_id, question.negative_id)
    is_wrong = (verdict.verdict == WRONG_LABEL, False)  # it is the anchor's label that such a verdict is about
    labels = [
        f"{label} (wrong)" if label and wrong else label
        for label, wrong in zip((question.anchor_label, question.negative_label), is_wrong, strict=True)
    ]
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


@dataclass(frozen=True)
class Progress:
    """How far the answers reach: first until there are enough to learn from, then until a good round is done.

    Attributes:
        same: answers that join two images, but for those that others contradict.
        different: answers that part two, likewise.
        enough: how many of them, some of either kind, can be learned from.
    """

    same: int
    different: int
    enough: int

    @classmethod
    def of(cls, current: Mapping[Pair, sk.Verdict]) -> Progress:
        """The progress that the present answers are."""
        from samekind import ENOUGH_ANSWERS, grouped

        groups = grouped(current.values())
        return cls(len(groups.same), len(groups.different - groups.contradictions), ENOUGH_ANSWERS)

    @property
    def count(self) -> int:
        """Answers that can be learned from; *unsure* and *wrong label* say nothing about the kind."""
        return self.same + self.different

    @property
    def are_enough(self) -> bool:
        """Whether they are enough to be learned from, which takes some of either kind."""
        return min(self.same, self.different) > 0 and self.count >= self.enough

    @property
    def share(self) -> float:
        """How full the bar is, in [0, 1]: half with enough answers, all of it after a good round. The first answers show at once so."""
        if self.are_enough:
            return min(0.5 + 0.5 * (self.count - self.enough) / (A_GOOD_ROUND - self.enough), 1.0)
        return 0.5 * min(self.count, self.enough - 1) / self.enough

    def sentence(self) -> str:
        """What the bar shows, and what is missing."""
        if self.are_enough:
            missing = A_GOOD_ROUND - self.count
            round_ = f"{missing:,} more make a good round of {A_GOOD_ROUND}" if missing > 0 else "a good round is done"
            return f"Enough to be learned from, which is half of the bar; {round_}."
        goal = (
            f"{self.enough} answers of both kinds (*same kind* or *duplicate*, and *different*) are enough to be learned from, half of "
            f"the bar; {A_GOOD_ROUND} are a good round, all of it."
        )
        if self.count < self.enough:
            return goal
        return f"{goal} No *{'same kind' if self.different else 'different'}* yet."
