"""The page *False negatives*: an audit that is quick to look up by anchor, class and pair of classes, its cards and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from samekind.app.view_models.cards import Badge, Card, Picture, alt_text, data_uri
from samekind.core.text import counted, percent, times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    import samekind as sk

FALSE_NEGATIVE = "FALSE NEGATIVE"
TRUE_NEGATIVE = "another class"
UNKNOWN = "class unknown"
ASKED = "of the pair"
NEAREST = "Nearest other image is of the same class"
BY_CHANCE, TIMES_CHANCE = "By chance", "Times chance"
PUSH = "Share of the push that hits same-class images"
ABOUT_PUSH = (
    "Training pushes an anchor away from its negatives, the similar ones hardest. This is the part of that push (of the negative "
    "gradient) that falls on images of the anchor's own class."
)


@dataclass(frozen=True)
class Negative:
    """One of an anchor's hardest negatives.

    Attributes:
        rank: from 1, the hardest.
        id: of the image.
        similarity: cosine with the anchor.
        label: its class.
        false: true if it has the anchor's class; `None` where that is unknown.
        gradient_share: its share of the anchor's negative gradient, in [0, 1].
    """

    rank: int
    id: str
    similarity: float
    label: str | None
    false: bool | None
    gradient_share: float | None


class AuditView:
    """Orders the anchors of an audit and looks up their negatives. An anchor is its number in `report.pairs`.

    Args:
        report: the audit.
    """

    # A anchors, K hardest negatives of each, N rows of the index
    def __init__(self, report: sk.FalseNegativeReport) -> None:
        self.report = report
        self.pairs = report.pairs
        code = {name: i for i, name in enumerate(self.classes)}
        self._class_N = np.array(
            [code.get(label, -1) if label else -1 for label in self.pairs.labels or []], dtype=np.int64
        )

    @property
    def labelled(self) -> bool:
        """True if the classes are known."""
        return self.report.base_rate is not None

    @property
    def notes(self) -> list[str]:
        """Notes on the audit, but for the one that the page itself gives: that labels are missing."""
        return [note for note in self.report.notes if note.code != "no_labels"]

    @cached_property
    def classes(self) -> list[str]:
        """Class names in alphabetical order."""
        return sorted({label for label in self.pairs.labels or [] if label is not None})

    def id(self, anchor: int) -> str:
        """Id of an anchor."""
        return self.pairs.anchor_ids[anchor]

    def label(self, anchor: int) -> str | None:
        """Class of an anchor."""
        return None if self.pairs.labels is None else self.pairs.labels[self.pairs.anchor_A[anchor]]

    def negatives(self, anchor: int) -> list[Negative]:
        """The hardest negatives of one anchor, hardest first."""
        return [
            Negative(pair.rank, pair.negative_id, pair.similarity, pair.negative_label, pair.false, pair.gradient_share)
            for pair in self.pairs.at(anchor)
        ]

    @cached_property
    def worst(self) -> list[int]:
        """Anchors by the number of their false negatives, most first; among equals the one with the more similar ones."""
        similarity_A = np.where(self.pairs.false_AK == 1, self.pairs.similarity_AK, 0.0).sum(axis=1)
        return _ints(np.lexsort((-similarity_A, -self.pairs.num_false_A)))

    @cached_property
    def closest(self) -> list[int]:
        """Anchors by the similarity of their hardest negative, most similar first."""
        return _ints(np.argsort(-self.pairs.similarity_AK[:, 0], kind="stable"))

    def shuffled(self, seed: int = 0) -> list[int]:
        """Anchors in random order, the same for the same seed."""
        return _ints(np.random.default_rng(seed).permutation(len(self.pairs.anchor_A)))

    def of_class(self, name: str) -> list[int]:
        """Anchors of one class, those with most false negatives first."""
        return [anchor for anchor in self.worst if self.label(anchor) == name]

    def of_pair(self, anchor_class: str, negative_class: str) -> list[int]:
        """Anchors of one class that have a negative of another among their hardest, the most similar pair first."""
        own, other = self.classes.index(anchor_class), self.classes.index(negative_class)
        met_AK = (self._class_N[self.pairs.anchor_A] == own)[:, None] & (self._class_N[self.pairs.negative_AK] == other)
        closest_A = np.where(met_AK, self.pairs.similarity_AK, -np.inf).max(axis=1)
        order = np.argsort(-closest_A, kind="stable")
        return _ints(order[: int(met_AK.any(axis=1).sum())])


def _ints(order: NDArray[np.int64]) -> list[int]:
    return [int(anchor) for anchor in order]


def negative_cards(negatives: Sequence[Negative], thumbnails: Sequence[bytes], asked: str | None = None) -> list[Card]:
    """Cards of an anchor's hardest negatives, the false ones marked by colour and in words, and those of the class `asked` for."""
    cards = []
    for negative, thumbnail in zip(negatives, thumbnails, strict=True):
        badge = {True: Badge(FALSE_NEGATIVE, "false"), False: Badge(TRUE_NEGATIVE), None: Badge(UNKNOWN)}[
            negative.false
        ]
        is_asked = asked is not None and negative.label == asked
        lines = [f"similarity {negative.similarity:.3f}", negative.id]
        if negative.gradient_share is not None:
            lines.insert(1, f"gradient {percent(negative.gradient_share)}")
        cards.append(
            Card(
                negative.id,
                (Picture(data_uri(thumbnail), alt_text(negative.id, negative.label)),),
                heading=f"{negative.rank}. {negative.label or ''}".rstrip(),
                lines=tuple(lines),
                badges=(badge, *[Badge(ASKED)] * is_asked),
                tone="false" if negative.false else "chosen" if is_asked else "plain",
            )
        )
    return cards


def anchor_card(anchor: str, label: str | None, thumbnail: bytes) -> Card:
    """The anchor, large."""
    picture = Picture(data_uri(thumbnail), f"the anchor, {alt_text(anchor, label)}")
    return Card(anchor, (picture,), heading=label or "", lines=(anchor,), tone="chosen")


def anchor_sentence(negatives: Sequence[Negative], base_rate: float | None) -> str:
    """Number of false ones among an anchor's hardest negatives, beside that expected by chance; empty without labels."""
    known = [negative for negative in negatives if negative.false is not None]
    if not known or base_rate is None:
        return ""
    false = sum(bool(negative.false) for negative in known)
    expected = f"{base_rate * len(known):.1f}"
    return f"{false} of these {len(known)} hardest negatives are false; among as many drawn at random it would be {expected}."


@dataclass(frozen=True)
class Figure:
    """A headline figure with the sentence that explains it."""

    name: str
    value: str
    meaning: str


def among(k: int) -> str:
    """Name of the share of same-class images among the nearest."""
    return f"Same class among the {k} nearest"


def met_in_training(history: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """The same figures of the negatives that the objective met in the last epoch that measured any; empty if none did.

    Args:
        history: epochs of `metrics.jsonl`.
    """
    epoch = next((epoch for epoch in reversed(history) if epoch.get("false_negative_rate")), None)
    if epoch is None:
        return []
    rate, lift = epoch["false_negative_rate"], epoch.get("lift") or {}
    return [
        Figure(NEAREST, percent(rate.get("1")), "How often the most similar image of a batch had the anchor's class."),
        Figure(among(10), percent(rate.get("10")), "Share of the 10 most similar images of a batch."),
        Figure(BY_CHANCE, percent(epoch.get("base_rate")), "Share of all negatives of a batch: the base rate."),
        Figure(TIMES_CHANCE, times(lift.get("10")), "How many times as many as by chance are among the 10: the lift."),
        Figure(PUSH, percent(epoch.get("gradient_share")), ABOUT_PUSH),
    ]


def others_words(count: int, is_trained: bool) -> str:
    """How images of splits other than `train` are called; empty if there are none.

    Args:
        count: how many there are.
        is_trained: the encoder was trained here, on the split `train`.
    """
    never_saw = ", which training never saw" if is_trained else ""
    return f"{counted(count, 'image')} of other splits{never_saw}" if count else ""


def spaces_sentence(has_two: bool, others: str, is_train_only: bool) -> str:
    """What the figures are of, and why the two sets differ.

    Args:
        has_two: true if those of training are there.
        others: `others_words`.
        is_train_only: true if they are left out.
    """
    why = (
        "While training, the negatives are those of one batch, in the last epoch that was measured; in the finished space they are all "
        "other images, and the hardest of all is nearer than the hardest of a batch. "
    ) * has_two
    if not others:
        return why.rstrip()
    if is_train_only:
        return f"{why}Left out of the finished space: {others}."
    return f"{why}Among the negatives of the finished space are {others}."


def training_sentence(hold_out_by: str | None) -> str:
    """What is drawn over the epochs.

    Args:
        hold_out_by: the rule by which images were held out, as `meta.json` names it; `None` if none were, or nobody knows.
    """
    held_out = f" on images held out by {hold_out_by.replace('_', ' ')}" if hold_out_by else ""
    met = "False negatives among the negatives that the objective really met"
    return f"{met}, beside what the encoder was worth by then{held_out}."


def headline(report: sk.FalseNegativeReport) -> list[Figure]:
    """The figures at the top of the page; without the push where no objective is known."""
    k = report.k
    gradient = (report.gradient_share or {}).get("false_negatives")
    return [
        Figure(
            NEAREST,
            percent(report.by_rank[0]["false_negative_rate"]),
            "How often the hardest negative of all has the anchor's class.",
        ),
        Figure(among(k), percent(report.false_negative_rate), f"Share of the {k} hardest negatives that are false."),
        Figure(BY_CHANCE, percent(report.base_rate), "Share of all negatives that are false: the base rate."),
        Figure(TIMES_CHANCE, times(report.lift), f"How many times as many as by chance are among the {k}: the lift."),
        *([] if gradient is None else [Figure(PUSH, percent(gradient), ABOUT_PUSH)]),
    ]
