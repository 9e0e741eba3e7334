"""Images whose label may be wrong: a copy has another label, or another class is more probable by the embedding.

Copies with different labels (`indexer.curation.label_conflicts`) are certain conflicts and come first. The probabilities
(`indexer.curation.label_predictions`) are read as confident learning does: a label is an issue if that of another class reaches what images
of that class have on average for their own label. Labels are under test here; no loss and no detector sees them.

Source:
    Confident learning: arXiv 1911.00068, equations 2 and 3.
    What such errors look like in well-known test sets: 2103.14749.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.indexer.audit.anchors import anchors_of
from samekind.indexer.audit.notes import Note, NoteCode
from samekind.indexer.curation.evidence import nearest_of_class
from samekind.indexer.curation.kept import kept_or_found, num_listed
from samekind.indexer.curation.label_conflicts import EXACT, NEAR, Conflict, label_conflicts
from samekind.indexer.curation.label_predictions import Predictions, class_numbers, label_predictions, suspicion
from samekind.indexer.curation.tables import check_count, csv_text, restored, stored
from samekind.indexer.labeling.people.given_labels import LabelTable
from samekind.indexer.labeling.verdicts import DIFFERENT, WRONG_LABEL, VerdictTable

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

TRUSTED = 0.95
"""Share of the labels that the predictions must agree with for an issue to be more than a question."""
LISTS = ("copies", "neighbours", "label_neighbours", "others")
OTHERS = 7
"""Further classes of an issue: with the suggested and the given one as many as there are keys from 1 to 9."""
EMBEDDING = "embedding"
"""Reason of an issue that only the embedding speaks for."""


@dataclass(frozen=True)
class LabelIssue:
    """An image whose label may be wrong.

    Attributes:
        id: the image.
        label: the label it was given.
        suggested: the label of its surest copy, or the most probable other class.
        reason: `exact_copy` (equal content has another label), `near_copy` (so has a picture whose pixels surely agree), `embedding`.
        score: suspicion in [0, 1], the order of what has the reason `embedding`, and of the copies of one picture: the probability of
            `suggested`, if it is that or `label`, `b / (b + g)`.
        label_share: probability g of `label` by the images of other folds, in [0, 1].
        suggested_share: that of `suggested`, b, in [0, 1].
        copies: ids of its copies with another label, the surest first, at most 8.
        neighbours: ids of the nearest images of the class `suggested`, nearest first, at most 8: the evidence.
        label_neighbours: the same of the class `label`: what speaks for the label.
        confirmed: `True` if the label is wrong, `False` if it is right, by annotation (see `_Annotations`); `None` without one.
        others: up to 7 further classes, the most probable first.
        decided: the label that it should have by annotation: `label` if that is right, or else the name that people gave it, empty if
            they said no more than that it is wrong; `None` without an annotation.
    """

    id: str
    label: str
    suggested: str
    reason: str
    score: float
    label_share: float
    suggested_share: float
    copies: tuple[str, ...]
    neighbours: tuple[str, ...]
    confirmed: bool | None = None
    label_neighbours: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    decided: str | None = None


@dataclass(frozen=True)
class LabelIssues:
    """The ranked table.

    Attributes:
        issues: copies with different labels first, those of one picture together, then the most suspicious; capped.
        num_issues: how many there are in all.
        num_conflicts: how many of them have a copy with another label.
        num_evaluated: labelled images whose label was evaluated.
        notes: what a reader must know.
        agreement: share of the evaluated labels that come out as they are when predicted from the other images, in [0, 1].
    """

    issues: tuple[LabelIssue, ...]
    num_issues: int
    num_conflicts: int
    num_evaluated: int
    notes: tuple[Note, ...] = ()
    agreement: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "num_judged": self.num_evaluated,
            "num_label_suspects": self.num_issues,
            "num_label_conflicts": self.num_conflicts,
            "label_agreement": self.agreement,
            "label_suspects": [asdict(issue) for issue in self.issues],
            "notes": list(self.notes),
        }

    def answered(self, index: OpenedIndex) -> LabelIssues:
        """The same table with the annotations there are by now."""
        annotations = _Annotations(index)
        return replace(self, issues=tuple(annotations.on(issue) for issue in self.issues))

    def unanswered(self) -> LabelIssues:
        """The same table without the issues that somebody has answered; the counts stay."""
        return replace(self, issues=tuple(issue for issue in self.issues if issue.confirmed is None))

    def to_csv(self) -> str:
        """One line an issue under a header; copies and neighbours as JSON lists, since ids may hold any other mark between them."""
        rows = [
            {**asdict(issue), **{name: json.dumps(getattr(issue, name)) for name in LISTS}} for issue in self.issues
        ]
        return csv_text([f.name for f in fields(LabelIssue)], rows)

    @property
    def suspects(self) -> tuple[LabelIssue, ...]:
        """`issues` under its name of release 0.1."""
        return _renamed("suspects", "issues", self.issues)

    @property
    def num_suspects(self) -> int:
        """`num_issues` under its name of release 0.1."""
        return _renamed("num_suspects", "num_issues", self.num_issues)

    @property
    def num_judged(self) -> int:
        """`num_evaluated` under its name of release 0.1."""
        return _renamed("num_judged", "num_evaluated", self.num_evaluated)


def label_issues(index: OpenedIndex, count: int = 100, progress: Progress | None = None) -> LabelIssues:
    """Carries out `Index.label_issues`; see there."""
    count = check_count(count)
    class_N = class_numbers(index)

    most = num_listed(index, count)

    def find() -> dict[str, Any]:
        return stored(_found(index, class_N, most, progress))

    def read(values: dict[str, Any]) -> LabelIssues:
        return restored(LabelIssues, values, count, issues=LabelIssue)

    return kept_or_found(index, "label errors", most, find, read, progress).answered(index)


def _found(index: OpenedIndex, class_N: NDArray[np.int64], count: int, progress: Progress | None) -> LabelIssues:
    """The table without annotations."""
    conflicts, notes = label_conflicts(index, class_N, progress)
    predictions = label_predictions(index, class_N, _evaluated(class_N, conflicts, notes), progress)
    conflict_j = [j for j, row in enumerate(predictions.row_J.tolist()) if row in conflicts]
    found = np.setdiff1d(np.flatnonzero(predictions.is_issue_J), conflict_j)
    if (agreement := predictions.agreement) < TRUSTED:
        text = (
            f"Predicted from the other images, only {100 * agreement:.0f} % of all labels come out as they are: "
            "most suspects will be mistakes of the encoder, not of the label."
        )
        notes.append(Note(NoteCode.LOW_AGREEMENT, text))
    score_J = predictions.score_J
    conflict_j.sort(key=lambda j: (conflicts[int(predictions.row_J[j])].group, -score_J[j]))
    first = [*conflict_j, *found[np.argsort(-score_J[found], kind="stable")].tolist()][:count]
    return LabelIssues(
        _issues(index, class_N, predictions, first, conflicts),
        len(conflict_j) + len(found),
        len(conflict_j),
        num_evaluated=len(predictions.row_J),
        notes=tuple(notes),
        agreement=agreement,
    )


def _evaluated(class_N: NDArray[np.int64], conflicts: Mapping[int, Conflict], notes: list[Note]) -> NDArray[np.int64]:
    """The rows whose labels are evaluated: all with a label, of many a sample and all conflicts; says so in the notes."""
    labelled = np.flatnonzero(class_N >= 0)
    chosen, more = anchors_of(len(labelled), None)
    notes += [note for note in more if note not in notes]
    if len(labelled) < len(class_N):
        text = f"{len(class_N) - len(labelled):,} of {len(class_N):,} images have no label; they are not judged and tell nothing."
        notes.append(Note(NoteCode.SOME_LABELS, text))
    return np.union1d(labelled[chosen], np.array(list(conflicts), dtype=np.int64))


def _issues(
    index: OpenedIndex,
    class_N: NDArray[np.int64],
    predictions: Predictions,
    first: list[int],
    conflicts: Mapping[int, Conflict],
) -> tuple[LabelIssue, ...]:
    """The issues of these numbers of evaluated images, in this order."""
    ids, classes = index.ids, index.classes
    rows, suggested_J = [int(predictions.row_J[j]) for j in first], predictions.suggested_J
    copies = [conflicts[row].copies if row in conflicts else [] for row in rows]
    suggested = [int(class_N[c[0]] if c else suggested_J[j]) for c, j in zip(copies, first, strict=True)]
    evidence = nearest_of_class(index, class_N, list(zip(rows, suggested, strict=True)))
    against = nearest_of_class(index, class_N, [(row, int(class_N[row])) for row in rows])
    issues = []
    for place, (j, row) in enumerate(zip(first, rows, strict=True)):
        named = (suggested[place], int(class_N[row]))
        others = [c for c in np.argsort(-predictions.share_JC[j], kind="stable").tolist() if c not in named][:OTHERS]
        share, given = (float(predictions.share_JC[j, number]) for number in named)
        issues.append(
            LabelIssue(
                id=ids[row],
                label=classes[class_N[row]],
                suggested=classes[suggested[place]],
                reason=conflicts[row].reason if row in conflicts else EMBEDDING,
                score=suspicion(share, given),
                label_share=given,
                suggested_share=share,
                copies=tuple(ids[copy] for copy in copies[place]),
                neighbours=tuple(ids[near] for near in evidence[place]),
                label_neighbours=tuple(ids[near] for near in against[place]),
                others=tuple(classes[number] for number in others),
            )
        )
    return tuple(issues)


class _Annotations:
    """Verdicts on label issues.

    *The label is wrong* is `wrong_label` with the image as anchor, whatever the negative (in the app a neighbour of the suggested class);
    *the label is right* is `right_label`. The later of the two holds. `different` beside a neighbour of the suggested class says so, too:
    the two are of different classes, as their labels say (the app of release 0.1 wrote that for *right*). Of two near copies *the label
    is right* is `wrong_label` with the copy as anchor, and `different` says that they are no copies. A verdict knows an image by its
    content, so of files of equal content none can be told.
    """

    def __init__(self, index: OpenedIndex) -> None:
        self._rows = index.rows
        table = VerdictTable(index.path)
        self._current, self._right = table.current(), table.right_labels()
        self._given = LabelTable(index.path).current()
        called_wrong = sorted((v.moment, v.anchor_sha256) for v in self._current.values() if v.verdict == WRONG_LABEL)
        self._wrong = {
            image
            for image, moment in {image: moment for moment, image in called_wrong}.items()
            if image not in self._right or moment > self._right[image].moment
        }

    def on(self, issue: LabelIssue) -> LabelIssue:
        """The issue with what was said of it."""
        is_wrong, decided = self.is_wrong(issue), None
        if is_wrong is not None:
            (own,) = self._rows.values("sha256", np.array([self._rows.position_of(issue.id)]))
            names = {given.label for given in self._given.get(own, ())}
            decided = issue.label if not is_wrong else names.pop() if len(names) == 1 else ""
        return replace(issue, confirmed=is_wrong, decided=decided)

    def is_wrong(self, issue: LabelIssue) -> bool | None:
        """True if the label was called wrong, False if it was called right, else `None`."""
        if not (self._current or self._right) or issue.reason == EXACT:
            return None
        positions = [self._rows.position_of(id_) for id_ in (issue.id, *issue.copies, *issue.neighbours)]
        own, *others = self._rows.values("sha256", np.array(positions))
        if own in self._wrong:
            return True
        if own in self._right:
            return False
        if issue.reason == NEAR and not self._wrong.isdisjoint(others[: len(issue.copies)]):
            return False
        return False if any(self._is_different(own, other) for other in others) else None

    def _is_different(self, first_sha256: str, second_sha256: str) -> bool:
        first, second = sorted((first_sha256, second_sha256))
        verdict = self._current.get((first, second))
        return verdict is not None and verdict.verdict == DIFFERENT


Value = TypeVar("Value")


def _renamed(old: str, new: str, value: Value) -> Value:
    warnings.warn(f"LabelIssues.{old} is now LabelIssues.{new}", DeprecationWarning, stacklevel=3)
    return value
