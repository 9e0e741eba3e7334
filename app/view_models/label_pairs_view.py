"""The page *Label pairs*: cards of the two images and of verdicts, and sentences.

Labels sway whoever sees them, and in a folder's corpus ids hold the class. So neither, nor the figures that say what the encoder thinks,
are on a candidate pair's cards, not even in the text for screen readers, unless they were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri
from samekind.app.view_models.pairs import Pair, key_of
from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk

WRONG_LABEL = "wrong_label"
A_GOOD_ROUND = 200


@dataclass(frozen=True)
class Choice:
    """One of the answers.

    Attributes:
        verdict: its name in the table.
        words: on its button.
        key: on the keyboard.
        meaning: the button's help.
    """

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
"""The choices that follow on `WRONG_LABEL`, by role instead of by verdict."""
WORDS = {choice.verdict: choice.words for choice in CHOICES}


def image_card(candidate: sk.CandidatePair, role: str, picture: bytes, *, revealed: bool) -> Card:
    """One image of a candidate pair, large.

    Args:
        candidate: the pair.
        role: `anchor` or `negative`.
        picture: its encoded picture.
        revealed: true if label and id may be seen.
    """
    is_anchor = role == "anchor"
    id_ = candidate.anchor_id if is_anchor else candidate.negative_id
    label = candidate.anchor_label if is_anchor else candidate.negative_label
    words = f"the {role}, {alt_text(id_, label)}" if revealed else f"the {role}"
    lines = (label or "no label", id_) if revealed else ()
    return Card(role, (Picture(data_uri(picture), words),), heading=role.capitalize(), lines=lines)


def neighbour_cards(hits: Sequence[sk.Hit], thumbnails: Sequence[bytes], role: str) -> list[Card]:
    """The images nearest to one of the two, small and without words."""
    return [
        Card(str(rank), (Picture(data_uri(thumbnail), f"neighbour {rank} of the {role}"),))
        for rank, (_, thumbnail) in enumerate(zip(hits, thumbnails, strict=True), start=1)
    ]


def figures(candidate: sk.CandidatePair) -> str:
    """The encoder's opinion of a pair."""
    share = (
        "" if candidate.gradient_share is None else f" · {percent(candidate.gradient_share)} of the anchor's gradient"
    )
    return f"similarity {candidate.similarity:.3f}{share} · probability of the same kind {percent(candidate.probability, 0)}"


def verdict_card(verdict: sk.Verdict, candidate: sk.CandidatePair, thumbnails: Sequence[bytes], action: str) -> Card:
    """A verdict with annotator, time and note, and a button."""
    ids = (candidate.anchor_id, candidate.negative_id)
    is_wrong = (verdict.verdict == WRONG_LABEL, False)  # it is the anchor's label that such a verdict is about
    labels = [
        f"{label} (wrong)" if label and wrong else label
        for label, wrong in zip((candidate.anchor_label, candidate.negative_label), is_wrong, strict=True)
    ]
    pictures = tuple(
        Picture(data_uri(thumbnail), alt_text(id_, label))
        for id_, label, thumbnail in zip(ids, labels, thumbnails, strict=True)
    )
    shown = (" · ".join(label or "no label" for label in labels),) if any(labels) else ()
    signed = ", ".join(filter(None, (verdict.who, f"{verdict.moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC")))
    return Card(
        key_of(verdict.pair),
        pictures,
        heading=WORDS[verdict.verdict],
        lines=(*shown, signed),
        badges=(Badge(verdict.note),) if verdict.note else (),
        action=action,
        action_label=f"{action}: {WORDS[verdict.verdict]}, {alt_text(*ids)}",
    )


def latest(current: Mapping[Pair, sk.Verdict], count: int) -> list[sk.Verdict]:
    """The last `count` of the present verdicts, the newest first."""
    return sorted(current.values(), key=lambda verdict: verdict.moment, reverse=True)[:count]


def tally(current: Mapping[Pair, sk.Verdict]) -> str:
    """Number of each verdict, in the order of the keys."""
    counts = Counter(verdict.verdict for verdict in current.values())
    return " · ".join(f"{counts[choice.verdict]:,} {choice.words.lower()}" for choice in CHOICES)


def progress_sentence(current: Mapping[Pair, sk.Verdict], left: int) -> str:
    """Pairs answered and pairs left."""
    return f"{counted(len(current), 'pair')} answered ({tally(current)}), {left:,} left"


@dataclass(frozen=True)
class Progress:
    """Progress of the annotations: first until there are enough to learn from, then until a good round is done.

    Attributes:
        same: answers that join two images, but for those that others contradict.
        different: answers that part two, likewise.
        enough: number of them, some of either, that can be learned from.
    """

    same: int
    different: int
    enough: int

    @classmethod
    def of(cls, current: Mapping[Pair, sk.Verdict]) -> Progress:
        """Counts the present verdicts."""
        from samekind import ENOUGH_ANSWERS, link_constraints

        groups = link_constraints(current.values())
        return cls(len(groups.must_link), len(groups.cannot_link - groups.contradictions), ENOUGH_ANSWERS)

    @property
    def count(self) -> int:
        """Answers that can be learned from; *unsure* and *wrong label* say nothing about it."""
        return self.same + self.different

    @property
    def are_enough(self) -> bool:
        """True if they are enough to be learned from, which takes some of either."""
        return min(self.same, self.different) > 0 and self.count >= self.enough

    @property
    def share(self) -> float:
        """Filled share of the bar, in [0, 1]: half with enough answers (the first ones show at once), all of it after a good round."""
        if self.are_enough:
            return min(0.5 + 0.5 * (self.count - self.enough) / (A_GOOD_ROUND - self.enough), 1.0)
        return 0.5 * min(self.count, self.enough - 1) / self.enough

    def sentence(self) -> str:
        """The goals of the bar, and what is missing."""
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
