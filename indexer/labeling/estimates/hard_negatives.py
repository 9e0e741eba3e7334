"""Share of false ones among the hardest negatives of a corpus without labels, from answers about a random sample of them.

The queue of pairs asks what teaches most, and nothing follows from its answers about all pairs. Here every pair of an anchor and one of its
ten hardest negatives is drawn with the same probability, so that the answers are a plain sample: a share with Wilson's interval.

A drawn pair that has no answer is left out, and told by its reason: nobody could tell (*unsure*), or answers contradict each other. That
a label is wrong, which may be recorded beside such a pair, is a judgement on the label and says nothing about the pair. The pair is
not asked about again, since its answer would take that judgement's place; leaving it out is right as long as wrong labels are no likelier
among false negatives than among others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from samekind.core.intervals import wilson
from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.verdicts import DIFFERENT, SAME, UNSURE, WRONG_LABEL, Verdict
from samekind.training.false_negatives.links import Pair

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

# A anchors, K hardest negatives, S pairs drawn

DEPTH = 10
"""Hardest negatives of an anchor that are drawn from, however many the audit kept: its answers then serve every depth."""
ENOUGH = 10
"""Answers from which on there is an estimate; with fewer the interval says next to nothing."""
MOST_DRAWN = 2000
_CONTRADICTED = "contradicted"


@dataclass(frozen=True)
class DrawnPair:
    """One pair of the sample.

    Attributes:
        anchor_id, negative_id: the two rows.
        anchor_sha256, negative_sha256: their contents; equal ones are the same without a question.
    """

    anchor_id: str
    negative_id: str
    anchor_sha256: str
    negative_sha256: str

    @property
    def pair(self) -> Pair:
        """Both hashes in alphabetical order, as `Verdict.pair`."""
        first, second = sorted((self.anchor_sha256, self.negative_sha256))
        return first, second


@dataclass(frozen=True)
class HardNegativeRate:
    """An estimate with its interval.

    Attributes:
        share: of the hardest negatives that are false, in [0, 1]; `None` with fewer than 10 answers.
        low, high: of an interval of 95 % (Wilson); `None` beside it.
        num_same: answers of *same* or *duplicate*.
        num_answers: all answers behind it.
        num_unsure: pairs of the sample that nobody could tell (*unsure*); they are left out, as are the two that follow.
        num_wrong_label: pairs under which it is recorded that a label is wrong, and nothing about the pair.
        num_contradicted: pairs whose answer others contradict.
    """

    share: float | None
    low: float | None
    high: float | None
    num_same: int
    num_answers: int
    num_unsure: int
    num_wrong_label: int = 0
    num_contradicted: int = 0


class HardNegativeSample:
    """Pairs of an anchor and one of its ten hardest negatives in random order, each as likely as any other.

    The order is the same each time, so that several people, and later visits, work on one sample.

    Args:
        index: the opened index.
        report: an audit of it; of one split, if the estimate should be about that.
        seed: of the order.

    Attributes:
        depth: hardest negatives of an anchor that are drawn from, at most 10.
    """

    def __init__(self, index: OpenedIndex, report: FalseNegativeReport, seed: int = 0) -> None:
        pairs = report.pairs
        self.depth = min(DEPTH, pairs.negative_AK.shape[1])
        total = len(pairs.anchor_A) * self.depth
        drawn_S = np.random.default_rng((seed, 43)).permutation(total)[:MOST_DRAWN]
        anchor_S, rank_S = drawn_S // max(self.depth, 1), drawn_S % max(self.depth, 1)
        rows_S2 = np.stack([pairs.anchor_A[anchor_S], pairs.negative_AK[anchor_S, rank_S]], axis=1)
        self._ids = [(pairs.ids[first], pairs.ids[second]) for first, second in rows_S2.tolist()]
        positions = np.array([index.rows.position_of(id_) for both in self._ids for id_ in both], dtype=np.int64)
        hashes = index.rows.values("sha256", positions)
        self._hashes = list(zip(hashes[::2], hashes[1::2], strict=True))

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[DrawnPair]:
        for ids, hashes in zip(self._ids, self._hashes, strict=True):
            yield DrawnPair(*ids, *hashes)

    def open(self, current: Mapping[Pair, Verdict]) -> Iterator[DrawnPair]:
        """The pairs that need an answer, in the order of the sample."""
        closure = ConstraintClosure(current)
        return (drawn for drawn in self if drawn.pair not in closure)

    def rate(self, current: Mapping[Pair, Verdict]) -> HardNegativeRate:
        """The estimate from the answers about the first pairs, up to the first open one.

        Whatever is answered behind it was not drawn, but asked for another reason: such answers are no random sample.

        Args:
            current: the present answer on each pair.
        """
        closure, found = ConstraintClosure(current), Counter[str]()
        for drawn in self:
            if drawn.pair not in closure:
                break
            found[_answer(closure, current, drawn.pair)] += 1
        same, total = found[SAME], found[SAME] + found[DIFFERENT]
        left_out = found[UNSURE], found[WRONG_LABEL], found[_CONTRADICTED]
        if total < ENOUGH:
            return HardNegativeRate(None, None, None, same, total, *left_out)
        return HardNegativeRate(same / total, *wilson(same, total), same, total, *left_out)


def _answer(closure: ConstraintClosure, current: Mapping[Pair, Verdict], pair: Pair) -> str:
    """What is known of a pair in the closure: a verdict that the answers come to, or why there is none."""
    is_same = closure.answer(pair)
    if is_same is not None:
        return SAME if is_same else DIFFERENT
    said = current[pair].verdict  # without a verdict of its own a pair is in the closure by an answer that follows
    return said if said in (UNSURE, WRONG_LABEL) else _CONTRADICTED
