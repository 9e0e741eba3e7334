"""The page *Same or different?*: cards of the two images and of verdicts, and sentences.

Labels sway whoever sees them, and in a folder's corpus ids hold the class. So neither, nor the figures that say what the encoder thinks,
are on a candidate pair's cards, not even in the text for screen readers, unless they were asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri
from samekind.app.view_models.pairs import Pair, key_of
from samekind.core.text import counted, percent

if TYPE_CHECKING:
    import samekind as sk

WRONG_LABEL, DUPLICATE = "wrong_label", "duplicate"


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
    Choice(DUPLICATE, "Duplicate", "5", "Both show the very same thing: a copy, another crop, another scan."),
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


def mix_sentence(batch: sk.CandidatePairs) -> str:
    """What the pairs of a batch are a mix of; empty for an empty one."""
    if not batch.items:
        return ""
    if not batch.num_answers:
        return (
            "How many pairs are of one kind is a guess until there are 20 answers, of both kinds. Until then the next pairs are of "
            "what the answers are short of: ones that the encoder is unsure of, or of those that it finds least alike."
        )
    expected = round(sum(candidate.probability for candidate in batch))
    return f"Of these {counted(len(batch), 'pair')} {expected} should be of one kind, by {batch.num_answers:,} answers so far."


@dataclass(frozen=True)
class Progress:
    """How far the answers are: first until it can be measured whether they help, then until they do, both as `sk.adapt` has it.

    Attributes:
        groups: sizes of the groups of images that are known to be the same, largest first; copies of one picture count once.
        held_out: what the adaptation in force has gained on held-out images, see `Index.adaptations`; `None` if there is none.
        needed: how many groups are needed, of how many images each.
    """

    groups: tuple[int, ...]
    held_out: Mapping[str, float] | None
    needed: tuple[int, int]

    @classmethod
    def of(cls, known: Mapping[Pair, sk.Verdict], steps: Sequence[Mapping[str, Any]]) -> Progress:
        """Counts.

        Args:
            known: the present answers about images of this index.
            steps: adaptations, the one in force last.
        """
        from samekind import FEWEST_GROUPS, SMALLEST_GROUP, link_constraints

        copies = link_constraints(
            verdict for verdict in known.values() if verdict.verdict == DUPLICATE
        ).must_link_groups
        spare = {image for group in copies for image in sorted(group)[1:]}
        sizes = (len(group - spare) for group in link_constraints(known.values()).must_link_groups)
        held_out = steps[-1]["held_out"] if steps else None
        return cls(tuple(sorted(sizes, reverse=True)), held_out, (FEWEST_GROUPS, SMALLEST_GROUP))

    @property
    def num_large(self) -> int:
        """Groups large enough to hold an image out of."""
        return sum(size >= self.needed[1] for size in self.groups)

    @property
    def can_be_measured(self) -> bool:
        """True if there are enough of them."""
        return self.num_large >= self.needed[0]

    @property
    def has_gained(self) -> bool:
        """True if an adaptation is in force: there is none unless held-out images clearly gained by it."""
        return self.held_out is not None

    @property
    def share(self) -> float:
        """Filled share of the bar, in [0, 1]: half once it can be measured whether answers help, all of it once they do."""
        if self.has_gained:
            return 1.0
        fewest, smallest = self.needed
        return 0.5 * sum(min(size, smallest) for size in self.groups[:fewest]) / (fewest * smallest)

    def sentence(self) -> str:
        """What the bar says, and what is missing."""
        if self.held_out is not None:
            before, after, error = (self.held_out[key] for key in ("before", "after", "error"))
            return (
                "The answers have paid: held-out images are nearer to their own group than images of other kinds in "
                f"{percent(after)} of comparisons, {percent(before)} before (± {100 * error:.1f} points), and searches "
                "use them. Kinds that nobody was asked about gain little."
            )
        if self.can_be_measured:
            return "Enough answers to measure whether they help. The bar is full once images that are held out clearly gain."
        fewest, smallest = self.needed
        return (
            f"With {fewest} groups of {smallest} images of the same kind it can be measured whether answers help ({self.num_large} so "
            "far): the bar is half full then, and full once images that are held out clearly gain."
        )
