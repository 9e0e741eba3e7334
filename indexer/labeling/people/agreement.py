"""How far people agree on the pairs that two or more of them answered.

Only what somebody said of a pair counts, not what follows from it, and of each person the latest answer, whoever answered after that.
`same` and `duplicate` both say that two images are of the same class. `unsure` says nothing of it, and `wrong_label` is about a label:
these answers are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.labeling.people.held_rows import first_ids, held_rows
from samekind.indexer.labeling.verdicts import DIFFERENT, DUPLICATE, SAME, Verdict, VerdictTable
from samekind.training.false_negatives.links import Pair

# C classes of answers: same, different

_CLASS_OF = {SAME: 0, DUPLICATE: 0, DIFFERENT: 1}


@dataclass(frozen=True)
class PairOfPeople:
    """How far two people agree.

    Attributes:
        people: both, in alphabetical order; one may have no name.
        pairs: how many pairs of images both answered.
        agreed: how many of them alike.
        kappa: Cohen's κ, 1 for agreement on all, 0 for what chance would bring; `None` without such pairs, and where both gave one answer
            to all of them: chance would bring that agreement, too.
        standard_error: of κ, for many pairs; it is 0 where both agree on all, however few they are.
    """

    people: tuple[str, str]
    pairs: int
    agreed: int
    kappa: float | None
    standard_error: float | None

    @property
    def agreement(self) -> float | None:
        """Share of the pairs that were answered alike; `None` if there are none."""
        return self.agreed / self.pairs if self.pairs else None

    def to_dict(self) -> dict[str, Any]:
        """The figures as `--json` prints them."""
        return {**self.__dict__, "agreement": self.agreement}


@dataclass(frozen=True)
class Disagreement:
    """A pair of images that people answered differently.

    Attributes:
        images: content hashes of both.
        ids: of the first images with these contents in the index; `None` for one that it does not hold.
        answers: each person's latest one, by time.
    """

    images: Pair
    ids: tuple[str | None, str | None]
    answers: tuple[Verdict, ...]

    def to_dict(self) -> dict[str, Any]:
        """The disagreement as `--json` prints it."""
        said = [{"who": each.who, "verdict": each.verdict, "when": each.when} for each in self.answers]
        return {"images": self.images, "ids": self.ids, "answers": said}


@dataclass(frozen=True)
class Agreement:
    """Who agrees with whom, and where they do not.

    Attributes:
        people: everybody who answered a pair, in alphabetical order; answers without a name are one person's.
        between: every two of them.
        disagreements: in the order of their latest answers, newest first.
    """

    people: tuple[str, ...]
    between: tuple[PairOfPeople, ...]
    disagreements: tuple[Disagreement, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it as `--json` prints it."""
        return {
            "people": self.people,
            "between": [each.to_dict() for each in self.between],
            "disagreements": [each.to_dict() for each in self.disagreements],
        }


def agreement(path: str | Path) -> Agreement:
    """How far the people agree who answered pairs of an artefact.

    Args:
        path: the artefact.

    Raises:
        ArtefactError: the artefact is not there, or a table is damaged.
    """
    by_pair = _answers(VerdictTable.of(path).all())
    people = sorted({who for answers in by_pair.values() for who in answers})
    tables = {two: np.zeros((2, 2), dtype=np.int64) for two in combinations(people, 2)}
    for answers in by_pair.values():
        for first, second in combinations(sorted(answers), 2):
            tables[first, second][_class(answers[first]), _class(answers[second])] += 1
    ids = first_ids(held_rows(path))
    found = [
        Disagreement(
            pair, (ids.get(pair[0]), ids.get(pair[1])), tuple(sorted(answers.values(), key=lambda v: v.moment))
        )
        for pair, answers in sorted(by_pair.items())
        if len({*map(_class, answers.values())}) > 1
    ]
    return Agreement(
        tuple(people),
        tuple(PairOfPeople(two, int(t.sum()), int(np.trace(t)), *cohens_kappa(t)) for two, t in tables.items()),
        tuple(sorted(found, key=lambda each: each.answers[-1].moment, reverse=True)),
    )


def cohens_kappa(count_CC: NDArray[np.int64]) -> tuple[float | None, float | None]:
    """Cohen's κ of two people and its standard error, both `None` where it is undefined.

    Source: Cohen (1960); the error of a κ that is not 0: Fleiss, Cohen & Everitt (1969), equation 13.

    Args:
        count_CC: `(C, C)`, how often the first person gave one answer and the second another.
    """
    n = float(count_CC.sum())
    if not n:
        return None, None
    share_CC = count_CC / n
    row_C, column_C = share_CC.sum(axis=1), share_CC.sum(axis=0)
    agreed = float(np.trace(count_CC)) / n
    chance = float(count_CC.sum(axis=1) @ count_CC.sum(axis=0)) / n**2
    if chance == 1:
        return None, None
    kappa = (agreed - chance) / (1 - chance)
    sum_CC = column_C[:, None] + row_C[None, :]  # of the answers that each of both gives, with their roles exchanged
    own_C, own_sum_C = np.diag(share_CC), np.diag(sum_CC)
    alike = float(own_C @ (1 - chance - own_sum_C * (1 - agreed)) ** 2)
    unlike = (1 - agreed) ** 2 * float((share_CC * sum_CC**2).sum() - own_C @ own_sum_C**2)
    variance = (alike + unlike - (agreed * chance - 2 * chance + agreed) ** 2) / (n * (1 - chance) ** 4)
    return kappa, sqrt(max(variance, 0.0))


def _answers(verdicts: Iterable[Verdict]) -> Mapping[Pair, Mapping[str, Verdict]]:
    """By pair and person the latest answer, if it tells whether both images are of one class. `verdicts` come oldest first."""
    latest = {(verdict.pair, verdict.who): verdict for verdict in verdicts}
    found: dict[Pair, dict[str, Verdict]] = {}
    for (pair, who), verdict in latest.items():
        if verdict.verdict in _CLASS_OF:
            found.setdefault(pair, {})[who] = verdict
    return found


def _class(verdict: Verdict) -> int:
    return _CLASS_OF[verdict.verdict]
