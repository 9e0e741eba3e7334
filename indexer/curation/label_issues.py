"""Images whose label may be wrong: their neighbours in the embedding vote for another class.

# N rows, J judged images, K voters of each, C classes

Each image's k nearest labelled images vote on its class, weighted by similarity; its own label has no say, and neither have copies of it,
which would only repeat that label. What the votes say is read as confident learning does: an image is a suspect if its votes for another
class reach what images of that class have on average for their own label. Labels are under test here; no loss and no detector sees them.

Temperature, k and the order were chosen by finding 5 % of CIFAR-10's training labels that had been replaced at random (docs/results.md).

Source:
    Confident learning: arXiv 1911.00068, equations 2 and 3. By neighbours instead of a classifier, as SimiFeat does: 2110.06283.
    What such errors look like in well-known test sets: 2103.14749.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.indexer.audit.audit import anchors_of
from samekind.indexer.audit.neighbours import Neighbourhood, neighbourhood
from samekind.indexer.curation.tables import check_count, csv_text
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import DIFFERENT, VerdictTable
from samekind.training.training_set import label_numbers

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

VOTERS = 100
TEMPERATURE = 0.03
SMOOTHING = 0.02
"""Share of the votes that every given label has beforehand, so that labels without any vote are still ordered."""
COPY = 0.99
"""Similarity from which on a neighbour counts as a copy and does not vote."""
TRUSTED = 0.95
"""Share of the labels that the votes must agree with for a suspect to be more than a question."""
_SPARE = 10
"""Neighbours asked for beyond `VOTERS`, in place of copies."""
EVIDENCE = 8


@dataclass(frozen=True)
class LabelIssue:
    """An image whose label may be wrong.

    Attributes:
        id: the image.
        label: the label it was given.
        suggested: the class that most other votes are for.
        score: suspicion in [0, 1), the order of the list: votes for `suggested` among those for either, `b / (b + g + 0.02)`.
        label_share: share g of all votes that is for `label`, in [0, 1].
        suggested_share: share b that is for `suggested`, in [0, 1].
        neighbours: ids of the nearest voters for `suggested`, nearest first, at most 8: the evidence.
        confirmed: whether the label is wrong, as a person has said (see `_Answers`); `None` if nobody was asked.
    """

    id: str
    label: str
    suggested: str
    score: float
    label_share: float
    suggested_share: float
    neighbours: tuple[str, ...]
    confirmed: bool | None = None


@dataclass(frozen=True)
class Votes:
    """How the neighbours of each judged image voted.

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
        """`(J,)` the class that most votes for another class than the given one are for."""
        return np.asarray(self._others_JC().argmax(axis=1), dtype=np.int64)

    @property
    def suggested_share_J(self) -> NDArray[np.float64]:
        """`(J,)` share of the votes for it."""
        return np.asarray(self._others_JC().max(axis=1).clip(min=0))

    @property
    def score_J(self) -> NDArray[np.float64]:
        """`(J,)` suspicion, see `LabelIssue`."""
        other_J = self.suggested_share_J
        return np.asarray(other_J / (other_J + self.label_share_J + SMOOTHING))

    @property
    def suspected_J(self) -> NDArray[np.bool_]:
        """`(J,)` whether the votes for the suggestion reach the mean self-confidence of its class and pass those for the given label."""
        images_C = np.bincount(self.given_J, minlength=self.share_JC.shape[1])
        own_C = np.bincount(self.given_J, weights=self.label_share_J, minlength=len(images_C))
        confidence_C = own_C / np.maximum(images_C, 1)
        enough_J = self.suggested_share_J >= confidence_C[self.suggested_J]
        return np.asarray(enough_J & (self.suggested_share_J > self.label_share_J))

    @property
    def agreement(self) -> float:
        """Share of the judged images whose given label has the most votes, in [0, 1]; one without any vote does not agree."""
        most_J = np.where(self.share_JC.any(axis=1), self.share_JC.argmax(axis=1), -1)
        return float((most_J == self.given_J).mean())

    def _others_JC(self) -> NDArray[np.float64]:
        others_JC = self.share_JC.copy()
        np.put_along_axis(others_JC, self.given_J[:, None], -1.0, axis=1)
        return others_JC


@dataclass(frozen=True)
class LabelIssues:
    """The ranked list.

    Attributes:
        suspects: the most suspicious first; capped.
        num_suspects: how many there are in all.
        num_judged: labelled images whose label was judged.
        notes: what a reader must know.
    """

    suspects: tuple[LabelIssue, ...]
    num_suspects: int
    num_judged: int
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "num_judged": self.num_judged,
            "num_label_suspects": self.num_suspects,
            "label_suspects": [asdict(suspect) for suspect in self.suspects],
            "notes": list(self.notes),
        }

    def answered(self, index: OpenedIndex) -> LabelIssues:
        """The same list with what people have said by now."""
        answers = _Answers(index)
        suspects = tuple(replace(each, confirmed=answers.wrong_label(each)) for each in self.suspects)
        return replace(self, suspects=suspects)

    def to_csv(self) -> str:
        """One line a suspect under a header; neighbours as a JSON list, since ids may hold any other mark between them."""
        suspects = [{**asdict(suspect), "neighbours": json.dumps(suspect.neighbours)} for suspect in self.suspects]
        return csv_text([f.name for f in fields(LabelIssue)], suspects)


def label_issues(index: OpenedIndex, count: int = 100, progress: Progress | None = None) -> LabelIssues:
    """Carries out `Index.label_issues`; see there."""
    count = check_count(count)
    votes, notes = label_votes(index, progress)
    found = np.flatnonzero(votes.suspected_J)
    if (agreement := votes.agreement) < TRUSTED:
        notes.append(
            f"The neighbours agree with only {100 * agreement:.0f} % of all labels: "
            "most suspects will be mistakes of the encoder, not of the label."
        )
    first = found[np.argsort(-votes.score_J[found], kind="stable")][:count]
    return LabelIssues(_named(index, votes, first), len(found), len(votes.row_J), tuple(notes)).answered(index)


def label_votes(index: OpenedIndex, progress: Progress | None = None) -> tuple[Votes, list[str]]:
    """How the neighbours of every labelled image vote on its class, and what a reader must know of it.

    Raises:
        InputError: the corpus has no labels, or those of one class only.
    """
    class_N = label_numbers(index.labels, index.classes)
    if class_N is None:
        raise InputError("the corpus has no labels, so none can be wrong", hint="sort the images into folder/<class>/")
    if len(index.classes) < 2:
        raise InputError(f"every label is {index.classes[0]!r}: with one class none can be told to be wrong")
    labelled = np.flatnonzero(class_N >= 0)
    judged, notes = anchors_of(len(labelled), None)
    if len(labelled) < len(class_N):
        notes.append(
            f"{len(class_N) - len(labelled):,} of {len(class_N):,} images have no label; they are not judged and do not vote."
        )
    content_N = np.unique(np.array(index.rows.column("sha256")), return_inverse=True)[1]
    depth = min(VOTERS + _SPARE, len(labelled) - 1)
    found = neighbourhood(index.vectors(labelled), class_N[labelled], judged, depth, progress=progress)
    return count_votes(found, judged, class_N[labelled], content_N[labelled], labelled), notes


def count_votes(
    found: Neighbourhood,
    judged: NDArray[np.int64],
    class_L: NDArray[np.int64],
    content_L: NDArray[np.int64],
    row_L: NDArray[np.int64],
) -> Votes:
    """Lets the neighbours vote, but for copies and beyond the first `VOTERS` of them.

    Args:
        found: the neighbours of the judged images among the L labelled ones.
        judged: `(J,)` numbers of the judged images among the labelled ones.
        class_L: `(L,)` class numbers ≥ 0.
        content_L: `(L,)` numbers, equal for equal content.
        row_L: `(L,)` rows of the index.
    """
    copy_JK = (content_L[found.row_AK] == content_L[judged][:, None]) | (found.similarity_AK >= COPY)
    votes_JK = ~copy_JK & (np.cumsum(~copy_JK, axis=1) <= VOTERS)
    best_J1 = np.where(votes_JK, found.similarity_AK, -1.0).max(axis=1, keepdims=True)
    weight_JK = np.exp(np.minimum(found.similarity_AK - best_J1, 0) / TEMPERATURE) * votes_JK
    share_JC = np.empty((len(judged), int(class_L.max()) + 1))
    for number in range(share_JC.shape[1]):
        share_JC[:, number] = (weight_JK * (class_L[found.row_AK] == number)).sum(axis=1)
    share_JC /= np.maximum(share_JC.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return Votes(row_L[judged], class_L[judged], share_JC, np.where(votes_JK, row_L[found.row_AK], -1))


def _named(index: OpenedIndex, votes: Votes, first: NDArray[np.int64]) -> tuple[LabelIssue, ...]:
    ids, labels, classes = index.ids, index.labels, index.classes
    assert labels is not None
    suggested_J, score_J = votes.suggested_J, votes.score_J
    label_share_J, suggested_share_J = votes.label_share_J, votes.suggested_share_J
    suspects = []
    for j in first.tolist():
        row, suggested = int(votes.row_J[j]), classes[int(suggested_J[j])]
        voters = [v for v in votes.voter_JK[j].tolist() if v >= 0 and labels[v] == suggested][:EVIDENCE]
        suspects.append(
            LabelIssue(
                id=ids[row],
                label=str(labels[row]),
                suggested=suggested,
                score=float(score_J[j]),
                label_share=float(label_share_J[j]),
                suggested_share=float(suggested_share_J[j]),
                neighbours=tuple(ids[v] for v in voters),
            )
        )
    return tuple(suspects)


class _Answers:
    """What people have said, asked by suspect.

    A verdict is about a pair. *The label is wrong* is `wrong_label` with the suspect as anchor, whatever the negative (on the page of the
    lists a neighbour of the suggested class); *the label is right* is `different` on the pair with such a neighbour: the two are of
    different kinds, as their labels say.
    """

    def __init__(self, index: OpenedIndex) -> None:
        self._rows = index.rows
        self._current = VerdictTable(index.path).current()
        self._wrong = link_constraints(self._current.values()).wrong_labels

    def wrong_label(self, suspect: LabelIssue) -> bool | None:
        """Whether the label was called wrong, or right beside one of the neighbours; `None` if neither."""
        if not self._current:
            return None
        positions = [self._rows.position_of(id_) for id_ in (suspect.id, *suspect.neighbours)]
        own, *others = self._rows.values("sha256", np.array(positions))
        if own in self._wrong:
            return True
        return False if any(self._is_different(own, other) for other in others) else None

    def _is_different(self, first_sha256: str, second_sha256: str) -> bool:
        first, second = sorted((first_sha256, second_sha256))
        verdict = self._current.get((first, second))
        return verdict is not None and verdict.verdict == DIFFERENT
