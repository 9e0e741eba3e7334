"""Votes of each image's neighbours on its class.

# N rows, J evaluated images, L labelled ones, K voters of each, C classes

Each image's k nearest labelled images vote on its class, weighted by similarity; its own label has no say, and neither have copies of it,
which would only repeat that label.

Temperature, k and the order were chosen by finding 5 % of CIFAR-10's training labels that had been replaced at random (docs/results.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.indexer.audit.anchors import anchors_of
from samekind.indexer.audit.neighbours import Comparison, Neighbourhood, neighbourhood
from samekind.indexer.audit.notes import Note, NoteCode
from samekind.training.training_set import label_numbers

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

Shares = TypeVar("Shares", float, NDArray[np.float64])
VOTERS = 100
TEMPERATURE = 0.03
SMOOTHING = 0.02
"""Share of the votes that every given label has beforehand, so that labels without any vote are still ordered."""
COPY = 0.99
"""Similarity from which on a neighbour counts as a copy and does not vote."""
_SPARE = 10
"""Neighbours asked for beyond `VOTERS`, in place of copies."""


@dataclass(frozen=True)
class Votes:
    """The neighbours' votes on each evaluated image.

    Attributes:
        row_J: `(J,)` int64 rows of the index.
        given_J: `(J,)` int64 class numbers of the given labels.
        share_JC: `(J, C)` float64 share of the votes for each class; all zero without a voter.
        voter_JK: `(J, K)` int64 rows of the voters, nearest first; −1 where a copy was left out or there are no more.
    """

    row_J: NDArray[np.int64]
    given_J: NDArray[np.int64]
    share_JC: NDArray[np.float64]
    voter_JK: NDArray[np.int64]

    @property
    def label_share_J(self) -> NDArray[np.float64]:
        """`(J,)` share of the votes for the given label."""
        shares: NDArray[np.float64] = np.take_along_axis(self.share_JC, self.given_J[:, None], axis=1)[:, 0]
        return shares

    @property
    def suggested_J(self) -> NDArray[np.int64]:
        """`(J,)` the class with most votes apart from the given one."""
        return np.asarray(self._others_JC().argmax(axis=1), dtype=np.int64)

    @property
    def suggested_share_J(self) -> NDArray[np.float64]:
        """`(J,)` share of the votes for it."""
        return np.asarray(self._others_JC().max(axis=1).clip(min=0))

    @property
    def score_J(self) -> NDArray[np.float64]:
        """`(J,)` suspicion, see `LabelIssue`."""
        return np.asarray(suspicion(self.suggested_share_J, self.label_share_J))

    @property
    def is_issue_J(self) -> NDArray[np.bool_]:
        """`(J,)` labels where the votes for the suggestion reach the mean self-confidence of its class and pass those for the label."""
        images_C = np.bincount(self.given_J, minlength=self.share_JC.shape[1])
        own_C = np.bincount(self.given_J, weights=self.label_share_J, minlength=len(images_C))
        confidence_C = own_C / np.maximum(images_C, 1)
        enough_J = self.suggested_share_J >= confidence_C[self.suggested_J]
        return np.asarray(enough_J & (self.suggested_share_J > self.label_share_J))

    @property
    def agreement(self) -> float:
        """Share of the evaluated images whose given label has the most votes, in [0, 1]; one without any vote does not agree."""
        most_J = np.where(self.share_JC.any(axis=1), self.share_JC.argmax(axis=1), -1)
        return float((most_J == self.given_J).mean())

    def _others_JC(self) -> NDArray[np.float64]:
        others_JC = self.share_JC.copy()
        np.put_along_axis(others_JC, self.given_J[:, None], -1.0, axis=1)
        return others_JC


def suspicion(other: Shares, given: Shares) -> Shares:
    """Of the votes for another class and for the given one, the share of the other, in [0, 1)."""
    return other / (other + given + SMOOTHING)


def label_votes(index: OpenedIndex, progress: Progress | None = None) -> tuple[Votes, list[Note]]:
    """The neighbours' votes on the class of every labelled image, and notes on them.

    Raises:
        InputError: the corpus has no labels, or those of one class only.
    """
    class_N = label_numbers(index.labels, index.classes)
    if class_N is None:
        raise InputError("the corpus has no labels, so none can be wrong", hint="sort the images into folder/<class>/")
    if len(index.classes) < 2:
        raise InputError(f"every label is {index.classes[0]!r}: with one class none can be told to be wrong")
    labelled = np.flatnonzero(class_N >= 0)
    evaluated, notes = anchors_of(len(labelled), None)
    if len(labelled) < len(class_N):
        text = f"{len(class_N) - len(labelled):,} of {len(class_N):,} images have no label; they are not judged and do not vote."
        notes.append(Note(NoteCode.SOME_LABELS, text))
    content_N = np.unique(np.array(index.rows.column("sha256")), return_inverse=True)[1]
    depth = min(VOTERS + _SPARE, len(labelled) - 1)
    found = neighbourhood(index.vectors(labelled), Comparison(class_N[labelled], evaluated, depth), progress)
    return count_votes(found, evaluated, class_N[labelled], content_N[labelled], labelled), notes


def count_votes(
    found: Neighbourhood,
    evaluated: NDArray[np.int64],
    class_L: NDArray[np.int64],
    content_L: NDArray[np.int64],
    row_L: NDArray[np.int64],
) -> Votes:
    """Lets the neighbours vote, but for copies and beyond the first `VOTERS` of them.

    Args:
        found: the neighbours of the evaluated images among the L labelled ones.
        evaluated: `(J,)` numbers of the evaluated images among the labelled ones.
        class_L: `(L,)` class numbers ≥ 0.
        content_L: `(L,)` numbers, equal for equal content.
        row_L: `(L,)` rows of the index.
    """
    copy_JK = (content_L[found.row_AK] == content_L[evaluated][:, None]) | (found.similarity_AK >= COPY)
    votes_JK = ~copy_JK & (np.cumsum(~copy_JK, axis=1) <= VOTERS)
    best_J1 = np.where(votes_JK, found.similarity_AK, -1.0).max(axis=1, keepdims=True)
    weight_JK = np.exp(np.minimum(found.similarity_AK - best_J1, 0) / TEMPERATURE) * votes_JK
    share_JC = np.empty((len(evaluated), int(class_L.max()) + 1))
    for number in range(share_JC.shape[1]):
        share_JC[:, number] = (weight_JK * (class_L[found.row_AK] == number)).sum(axis=1)
    share_JC /= np.maximum(share_JC.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return Votes(row_L[evaluated], class_L[evaluated], share_JC, np.where(votes_JK, row_L[found.row_AK], -1))
