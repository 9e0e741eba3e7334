"""People's answers about the images of an index."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import DIFFERENT, DUPLICATE, SAME, Verdict
from samekind.indexer.storage.rows import Rows
from samekind.training.answers.answered import Answered
from samekind.training.false_negatives.links import Pair


def answers_about(current: Mapping[Pair, Verdict], rows: Rows) -> Answered:
    """Reads the present answers as rows of an index.

    Args:
        current: at most one a pair, see `VerdictTable.current`.
        rows: of the index.
    """
    constraints = link_constraints(current.values())
    asked = {image for pair in constraints.must_link | constraints.cannot_link for image in pair}
    return Answered.of(constraints, _row_of(asked, rows))


@dataclass(frozen=True)
class LeftOut:
    """An answer that has no part in an adaptation.

    Attributes:
        images: content hashes.
        ids: their ids, `None` where the index does not hold them.
        verdict: the answer.
        who: gave it; may be empty.
        when: it was given.
        reason: it is left out.
    """

    images: Pair
    ids: tuple[str | None, str | None]
    verdict: str
    who: str
    when: str
    reason: str


def left_out(current: Mapping[Pair, Verdict], rows: Rows) -> tuple[LeftOut, ...]:
    """Answers that `answers_about` leaves out: of groups that hold a contradiction, and about images that are gone; oldest first.

    Args:
        current: at most one a pair.
        rows: of the index.
    """
    constraints = link_constraints(current.values())
    told = [each for each in current.values() if each.verdict in (SAME, DUPLICATE, DIFFERENT)]
    row_of = _row_of({image for each in told for image in each.pair}, rows)
    found = []
    for each in sorted(told, key=lambda each: each.moment):
        if each.pair in constraints.contradictions:
            reason = "other answers join the two"
        elif each.verdict != DIFFERENT and each.pair not in constraints.must_link:
            reason = "its group holds a pair called different"
        elif not row_of.keys() >= set(each.pair):
            reason = "about an image that the index does not hold"
        else:
            continue
        first, second = (rows.ids[row_of[image]] if image in row_of else None for image in each.pair)
        found.append(LeftOut(each.pair, (first, second), each.verdict, each.who, each.when, reason))
    return tuple(found)


def _row_of(images: Collection[str], rows: Rows) -> dict[str, int]:
    """The first row of each of these images that there is."""
    from pyarrow import array, compute

    sha256, row_of = rows.table["sha256"], dict[str, int]()
    is_asked = compute.is_in(sha256, array(list(images), sha256.type)).to_numpy()
    for row in np.flatnonzero(is_asked).tolist():
        row_of.setdefault(sha256[row].as_py(), row)
    return row_of
