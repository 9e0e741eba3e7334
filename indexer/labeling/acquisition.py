"""Acquisition of pairs to annotate: each image's hardest negatives, the most informative ones first.

An answer is informative where the negative draws much of the anchor's gradient *and* the pair is still ambiguous: share of the gradient ×
p (1 − p), p the probability of being of the same class. It comes from the cosine and from the overlap of both images' k-reciprocal
neighbours; labels take no part in it. The first pairs are chosen under a stated prior, later ones under a logistic regression on the
answers there are.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.indexer.audit.anchors import ALL_UP_TO
from samekind.indexer.audit.hardest import Hardest, hardest_negatives
from samekind.indexer.labeling.base_rate import share_draws
from samekind.indexer.labeling.candidate_pairs import CandidatePair, CandidatePairs
from samekind.indexer.labeling.constraint_closure import ConstraintClosure
from samekind.indexer.labeling.contents import Contents
from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.pair_model import PairFeatures, SameClassModel
from samekind.indexer.labeling.pair_order import mixed, varied
from samekind.indexer.labeling.people.current_answers import current_answers
from samekind.indexer.labeling.verdicts import DUPLICATE, SAME, Verdict
from samekind.training.false_negatives.links import Pair

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

# P candidate pairs, N rows, C contents, A anchors, K hardest negatives, F features of a pair

HARDEST = 10
_MOST_DRAWS = 10  # for each pair that is asked for: few images have few pairs
Order = Literal["informative", "mixed", "random", "share"]
ORDERS: tuple[Order, ...] = get_args(Order)


def acquire_pairs(
    index: OpenedIndex,
    count: int = 200,
    *,
    classes: tuple[str, str] | None = None,
    order: Order = "informative",
    seed: int = 0,
    report: FalseNegativeReport | None = None,
) -> CandidatePairs:
    """Pairs to annotate, given the verdicts and class names that the artefact holds by now.

    Args:
        index: the opened index.
        count: how many at most.
        classes: shows only pairs of these two classes, in either order.
        order: `informative`; `mixed`, the same but so that half of them are expected to be of one class (`pair_order.mixed`); or
            `random` as their baseline: uniform among the same candidates. (Of *all* pairs nearly every one is plainly
            different, so that baseline would be beaten by anything.) `share` draws from all pairs, so that the answers tell `base_rate`;
            classes and seed do not matter then.
        seed: decides ties, and everything of `random`.
        report: an audit of this index with its pairs, if there is one; it is made otherwise, which takes a minute at 60,000 images and at
            a million.

    Raises:
        InputError: count, order or a class is none.
    """
    pool = CandidatePool(index, report)
    return pool.acquire(current_answers(index.path), count, classes=classes, order=order, seed=seed)


class CandidatePool:
    """Each training image's hardest negatives, each pair of contents once, as candidates.

    Without a split `train` those of all images are. A pool is made once an index and asked as often as answers come in.

    A pair that is met from both sides is asked from the side where it draws the greater share of the gradient.

    Args:
        index: the opened index.
        report: an audit of it, if there is one.
    """

    def __init__(self, index: OpenedIndex, report: FalseNegativeReport | None = None) -> None:
        *_, hardest = hardest_negatives(index, HARDEST) if report is None else [Hardest.of(report)]
        self._of(index, hardest, Contents(index))

    @classmethod
    def growing(cls, index: OpenedIndex, progress: Progress | None = None) -> Iterator[Self]:
        """Pools of more and more anchors; the last one is `CandidatePool(index)`, and up to 200,000 images it is the only one.

        Of a million images the first is there after seconds, the last after a minute. Each can be asked while the next is made.

        Args:
            index: the opened index.
            progress: shows a bar for each.
        """
        contents = Contents(index)
        for hardest in hardest_negatives(index, HARDEST, progress):
            pool = cls.__new__(cls)
            pool._of(index, hardest, contents)
            yield pool

    @staticmethod
    def grows(index: OpenedIndex) -> bool:
        """True if `growing` gives more than one pool."""
        return len(index) > ALL_UP_TO

    @property
    def is_whole(self) -> bool:
        """True unless more anchors come."""
        return self._is_whole

    def _of(self, index: OpenedIndex, hardest: Hardest, contents: Contents) -> None:
        self._index, self._contents, self._is_whole = index, contents, hardest.is_whole
        content_N, is_trained_N = contents.content_N, contents.is_trained_N
        depth = hardest.negative_AK.shape[1]
        anchor, negative = np.repeat(hardest.anchor_A, depth), hardest.negative_AK.ravel()
        share = None if hardest.share_AK is None else np.nan_to_num(hardest.share_AK.ravel())
        chosen = _each_once(content_N[anchor], content_N[negative], share)
        chosen = chosen[(is_trained_N[anchor] & is_trained_N[negative])[chosen]]
        self._anchor_P, self._negative_P = anchor[chosen], negative[chosen]
        self._share_P = None if share is None else share[chosen]
        self._content_P2 = content_N[np.stack([self._anchor_P, self._negative_P], axis=1)]
        self._features = PairFeatures(index, hardest)
        self._feature_PF = self._features.of(self._anchor_P, self._negative_P, hardest.similarity_AK.ravel()[chosen])
        self._prior = SameClassModel.prior(self._feature_PF) if len(self) else None

    def __len__(self) -> int:
        return len(self._anchor_P)

    def acquire(
        self,
        current: Mapping[Pair, Verdict],
        count: int = 200,
        *,
        classes: tuple[str, str] | None = None,
        order: Order = "informative",
        seed: int = 0,
    ) -> CandidatePairs:
        """See the function `acquire_pairs`; `current` is the present answer on each pair, see `current_answers`."""
        _check(count, order)
        notes = self._notes(current)
        if self._prior is None:
            return CandidatePairs((), 0, 0, notes)
        if order == "share":
            return self._drawn_for_share(current, count, notes)
        is_open_P = self._unanswered(ConstraintClosure(current)) & self._of_classes(classes)
        feature_MF, same_M = self._answers(current)
        model = self._prior.calibrated(feature_MF, same_M)
        probability_P = model(self._feature_PF)
        value_P = probability_P * (1 - probability_P) * (1.0 if self._share_P is None else self._share_P)
        random_P = np.random.default_rng(seed).random(len(self))
        ranked = np.argsort(random_P) if order == "random" else np.lexsort((random_P, -value_P))
        ranked = ranked[is_open_P[ranked]]
        if order == "mixed":
            is_calibrated, surplus = model.num_answers > 0, float(2 * same_M.sum() - len(same_M))
            chosen = mixed(ranked, self._content_P2, count, probability_P, is_calibrated=is_calibrated, surplus=surplus)
        else:
            chosen = varied(ranked, self._content_P2, count)
        items = tuple(self._candidate(p, float(probability_P[p])) for p in chosen)
        return CandidatePairs(items, int(is_open_P.sum()), model.num_answers, notes)

    def questions(self, *args: Any, **kwargs: Any) -> CandidatePairs:
        """`acquire` under its name of release 0.1."""
        warnings.warn("CandidatePool.questions is now CandidatePool.acquire", DeprecationWarning, stacklevel=2)
        return self.acquire(*args, **kwargs)

    def about(self, pair: Pair) -> CandidatePair | None:
        """Any two contents as a pair to annotate, candidates or not, anchor first; `None` if the index does not hold both.

        Its probability is the prior's, and its share of the gradient is left out.
        """
        if self._prior is None or not self.holds(pair):
            return None
        anchor, negative = (int(self._contents.row_C[self._contents.number[sha256]]) for sha256 in pair)
        feature_1F = self._features.of(np.array([anchor]), np.array([negative]))
        return self._pair_of(anchor, negative, feature_1F[0], None, float(self._prior(feature_1F)[0]))

    def _drawn_for_share(self, current: Mapping[Pair, Verdict], count: int, notes: list[str]) -> CandidatePairs:
        closure, chosen = ConstraintClosure(current), dict[Pair, None]()
        for pair, _ in itertools.islice(share_draws(self._index, self._contents), _MOST_DRAWS * count):
            if pair not in closure:
                chosen[pair] = None
            if len(chosen) == count:
                break
        items = tuple(item for pair in chosen if (item := self.about(pair)) is not None)
        return CandidatePairs(items, len(items), 0, notes)

    def holds(self, pair: Pair) -> bool:
        """True if the index has both contents."""
        return self._contents.holds(pair)

    def _answers(self, current: Mapping[Pair, Verdict]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Features `(M, F)` and answers `(M,)` of the pairs of this index that were called same or different without contradiction."""
        constraints = link_constraints(current.values())
        consistent = frozenset[str]().union(*constraints.must_link_groups)
        same = [p for p, v in current.items() if v.verdict in (SAME, DUPLICATE) and p[0] in consistent]
        different = constraints.cannot_link - constraints.contradictions
        known = sorted((pair, is_same) for pairs, is_same in ((same, True), (different, False)) for pair in pairs)
        known = [(pair, is_same) for pair, is_same in known if self.holds(pair)]
        number_M2 = np.array([[self._contents.number[sha] for sha in pair] for pair, _ in known], dtype=np.int64)
        row_M2 = self._contents.row_C[number_M2.reshape(-1, 2)]
        return self._features.of(row_M2[:, 0], row_M2[:, 1]), np.array([is_same for _, is_same in known], dtype=bool)

    def _notes(self, current: Mapping[Pair, Verdict]) -> list[str]:
        notes = []
        if gone := sum(not self.holds(pair) for pair in current):
            notes.append(f"{gone:,} of {len(current):,} verdicts are about images that this index does not hold.")
        if self._share_P is None:
            notes.append("The gradient's share is not known, so the pairs are in the order of uncertainty alone.")
        if not self._features.has_overlap and len(self):
            notes.append("Only a sample of images are anchors, so the probability comes from the cosine alone.")
        if not self._is_whole:
            notes.append("These are the pairs of the first anchors; more are being found.")
        return notes

    def _unanswered(self, answered: ConstraintClosure) -> NDArray[np.bool_]:
        """`(P,)` candidates without an answer; only pairs of which both images occur in an answer need a closer look."""
        number = self._contents.number
        named = [number[sha256] for sha256 in answered.images if sha256 in number]
        named_C = np.zeros(len(self._contents), dtype=bool)
        named_C[named] = True
        is_open_P = np.ones(len(self), dtype=bool)
        for p in np.flatnonzero(named_C[self._content_P2].all(axis=1)).tolist():
            is_open_P[p] = self._pair(p) not in answered
        return is_open_P

    def _pair(self, p: int) -> Pair:
        first, second = sorted(self._content_P2[p].tolist())  # numbers are in the order of hashes
        return self._contents.sha256_C[first], self._contents.sha256_C[second]

    def _of_classes(self, classes: tuple[str, str] | None) -> NDArray[np.bool_]:
        if classes is None:
            return np.ones(len(self), dtype=bool)
        for name in classes:
            if name not in self._index.classes:
                known = ", ".join(self._index.classes) or "this corpus has no labels"
                raise InputError(f"there is no class {name!r}", hint=f"choose among: {known}")
        label_N = np.array(self._index.labels, dtype=object)
        first_N, second_N = (label_N == name for name in classes)
        anchor, negative = self._anchor_P, self._negative_P
        chosen_P: NDArray[np.bool_] = (first_N[anchor] & second_N[negative]) | (second_N[anchor] & first_N[negative])
        return chosen_P

    def _candidate(self, p: int, probability: float) -> CandidatePair:
        share = None if self._share_P is None else float(self._share_P[p])
        anchor, negative = int(self._anchor_P[p]), int(self._negative_P[p])
        return self._pair_of(anchor, negative, self._feature_PF[p], share, probability)

    def _pair_of(
        self, anchor: int, negative: int, feature_F: NDArray[np.float64], share: float | None, probability: float
    ) -> CandidatePair:
        rows, labels = self._index.rows, self._index.labels
        sha256 = rows.values("sha256", np.array([anchor, negative]))
        return CandidatePair(
            anchor_id=rows.ids[anchor],
            negative_id=rows.ids[negative],
            anchor_sha256=sha256[0],
            negative_sha256=sha256[1],
            similarity=float(feature_F[0]),
            overlap=float(feature_F[1]) if len(feature_F) > 1 else None,
            gradient_share=share,
            probability=probability,
            anchor_label=None if labels is None else labels[anchor],
            negative_label=None if labels is None else labels[negative],
        )


def _each_once(
    first_P: NDArray[np.int64], second_P: NDArray[np.int64], share_P: NDArray[np.float64] | None
) -> NDArray[np.int64]:
    """Places, ascending, of one pair for each unordered pair of different contents: that of the greatest share, else the first."""
    key_P = np.minimum(first_P, second_P) * (1 + max(first_P.max(initial=0), second_P.max(initial=0)))
    key_P += np.maximum(first_P, second_P)
    places = np.flatnonzero(first_P != second_P)
    by_share = () if share_P is None else (-share_P[places],)
    places = places[np.lexsort((*by_share, key_P[places]))]  # stable: equals stay in order
    is_first = np.ones(len(places), dtype=bool)
    is_first[1:] = np.diff(key_P[places]) != 0
    return np.sort(places[is_first])


def _check(count: Any, order: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise InputError(f"count must be a whole number from 1 on, got {count!r}")
    if order not in ORDERS:
        raise InputError(f"unknown order {order!r}", hint=f"choose one of {', '.join(ORDERS)}")
