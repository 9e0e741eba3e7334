"""Images whose label may be wrong: their neighbours in the embedding vote for another class.

The votes (`indexer.curation.label_votes`) are read as confident learning does: a label is an issue if the votes for another class reach
what images of that class have on average for their own label. Labels are under test here; no loss and no detector sees them.

Source:
    Confident learning: arXiv 1911.00068, equations 2 and 3. By neighbours instead of a classifier, as SimiFeat does: 2110.06283.
    What such errors look like in well-known test sets: 2103.14749.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.indexer.audit.notes import Note, NoteCode
from samekind.indexer.curation.label_votes import Votes, label_votes
from samekind.indexer.curation.tables import check_count, csv_text
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import DIFFERENT, VerdictTable

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

TRUSTED = 0.95
"""Share of the labels that the votes must agree with for an issue to be more than a question."""
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
        confirmed: `True` if the label is wrong, `False` if it is right, by annotation (see `_Annotations`); `None` without one.
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
class LabelIssues:
    """The ranked table.

    Attributes:
        issues: the most suspicious first; capped.
        num_issues: how many there are in all.
        num_evaluated: labelled images whose label was evaluated.
        notes: what a reader must know.
    """

    issues: tuple[LabelIssue, ...]
    num_issues: int
    num_evaluated: int
    notes: tuple[Note, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "num_judged": self.num_evaluated,
            "num_label_suspects": self.num_issues,
            "label_suspects": [asdict(issue) for issue in self.issues],
            "notes": list(self.notes),
        }

    def answered(self, index: OpenedIndex) -> LabelIssues:
        """The same table with the annotations there are by now."""
        annotations = _Annotations(index)
        return replace(
            self, issues=tuple(replace(issue, confirmed=annotations.is_wrong(issue)) for issue in self.issues)
        )

    def to_csv(self) -> str:
        """One line an issue under a header; neighbours as a JSON list, since ids may hold any other mark between them."""
        rows = [{**asdict(issue), "neighbours": json.dumps(issue.neighbours)} for issue in self.issues]
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
    votes, notes = label_votes(index, progress)
    found = np.flatnonzero(votes.is_issue_J)
    if (agreement := votes.agreement) < TRUSTED:
        text = (
            f"The neighbours agree with only {100 * agreement:.0f} % of all labels: "
            "most suspects will be mistakes of the encoder, not of the label."
        )
        notes.append(Note(NoteCode.LOW_AGREEMENT, text))
    first = found[np.argsort(-votes.score_J[found], kind="stable")][:count]
    return LabelIssues(_named(index, votes, first), len(found), len(votes.row_J), tuple(notes)).answered(index)


def _named(index: OpenedIndex, votes: Votes, first: NDArray[np.int64]) -> tuple[LabelIssue, ...]:
    ids, labels, classes = index.ids, index.labels, index.classes
    assert labels is not None
    suggested_J, score_J = votes.suggested_J, votes.score_J
    label_share_J, suggested_share_J = votes.label_share_J, votes.suggested_share_J
    issues = []
    for j in first.tolist():
        row, suggested = int(votes.row_J[j]), classes[int(suggested_J[j])]
        voters = [v for v in votes.voter_JK[j].tolist() if v >= 0 and labels[v] == suggested][:EVIDENCE]
        issues.append(
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
    return tuple(issues)


class _Annotations:
    """Verdicts on label issues.

    A verdict is about a pair. *The label is wrong* is `wrong_label` with the image as anchor, whatever the negative (in the app a neighbour
    of the suggested class); *the label is right* is `different` on the pair with such a neighbour: the two are of different classes, as
    their labels say.
    """

    def __init__(self, index: OpenedIndex) -> None:
        self._rows = index.rows
        self._current = VerdictTable(index.path).current()
        self._wrong = link_constraints(self._current.values()).wrong_labels

    def is_wrong(self, issue: LabelIssue) -> bool | None:
        """True if the label was called wrong, False if it was called right beside one of the neighbours, else `None`."""
        if not self._current:
            return None
        positions = [self._rows.position_of(id_) for id_ in (issue.id, *issue.neighbours)]
        own, *others = self._rows.values("sha256", np.array(positions))
        if own in self._wrong:
            return True
        return False if any(self._is_different(own, other) for other in others) else None

    def _is_different(self, first_sha256: str, second_sha256: str) -> bool:
        first, second = sorted((first_sha256, second_sha256))
        verdict = self._current.get((first, second))
        return verdict is not None and verdict.verdict == DIFFERENT


Value = TypeVar("Value")


def _renamed(old: str, new: str, value: Value) -> Value:
    warnings.warn(f"LabelIssues.{old} is now LabelIssues.{new}", DeprecationWarning, stacklevel=3)
    return value
