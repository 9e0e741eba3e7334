"""What an adaptation would do to answers that it has not seen.

Each group gives up a fifth of its images in turn; the map is made from the rest. Held-out images and images that were called different
from the group are then told apart by how near they are to those that stayed: the share of such comparisons that come out right, before and
after. Both kinds are left where the map puts them, and only what stayed is pulled together, so answers at random gain nothing by it.

Images that nobody was asked about are pulled only if the same held-out answers can be told from how probably an image belongs to a group.

Holding out whole groups would ask another question: answers teach next to nothing about classes that no answer is about
(docs/decisions/0021-adaptation.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from samekind.core.text import counted, percent
from samekind.training.answers.answered import Answered
from samekind.training.runtime.side_by_side import side_by_side

# G groups, R images of a group, H of them held out, J kept, E images that were told from the group, M = H + E, U images in all, D dimension

FOLDS = 5
SMALLEST_GROUP = 3
"""With one image held out, two are left to learn from."""
FEWEST_GROUPS = 3
"""Of them, so that a gain can be told from chance."""
CHANCE = 0.2
"""Of answers that teach nothing, so many are taken for a gain. They cost next to nothing (0.2 points of MAP@R), and a refusal the gain."""

EXPLAINED, EXPLAINED_BY_FEW = 0.1, 0.45
"""Of the uncertainty of held-out answers, so much has to be explained: true ones explain 0.16 and more, those at random at most 0.06. By
few groups so much, for with many classes most images belong to none of them."""
FEW_GROUPS = 5

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

_MOST_COMPARED = 1 << 20  # similarities that are put in order at once
_LEAST = 1e-6  # probability that an answer is given at least: one that was thought impossible costs 14 nats


class Fitted(Protocol):
    """What groups of rows make of a space."""

    def mapped(self, vectors_ND: Vectors) -> Vectors:
        """Maps unit vectors to unit vectors."""
        ...

    def gathered(self, mapped_ND: Vectors, group_N: Rows) -> Vectors:
        """Where mapped vectors of groups end up, `(N,)` being the group of each."""
        ...

    def belonging(self, mapped_ND: Vectors) -> NDArray[np.float64] | None:
        """How probably mapped vectors belong to each group, `(N, G)`; `None` if only the groups' own images are pulled."""
        ...


@dataclass(frozen=True)
class HeldOut:
    """How held-out images of the groups fare.

    Attributes:
        groups: G, groups large enough to hold images out of.
        before: share of comparisons that the space gets right without the answers, mean over groups weighted by their images.
        after: the same in the adapted space.
        error: standard error of the difference over the groups.
        explained: share of the uncertainty of held-out answers, of images about groups, that the probabilities of belonging explain: 1 is
            all, below 0 is worse than how often they are the same.
    """

    groups: int
    before: float | None = None
    after: float | None = None
    error: float | None = None
    explained: float | None = None

    @property
    def enough(self) -> bool:
        """True if there are groups enough to judge by."""
        return self.before is not None

    @property
    def improves(self) -> bool:
        """True if held-out images gain, and clearly more than the groups differ by chance: a one-sided t-test over the groups."""
        if self.before is None or self.after is None or self.error is None:
            return False
        from scipy.special import stdtrit  # 0.1 s, which a page that only asks how many groups are needed is spared

        return bool(self.after - self.before > stdtrit(self.groups - 1, 1 - CHANCE) * self.error)

    @property
    def tells_belonging(self) -> bool:
        """True if held-out answers can be told from the probabilities of belonging."""
        needed = EXPLAINED_BY_FEW if self.groups <= FEW_GROUPS else EXPLAINED
        return self.explained is not None and self.explained > needed

    @property
    def line(self) -> str:
        """The figures in words."""
        if not self.enough:
            needed = f"{FEWEST_GROUPS} are needed to tell gain from chance"
            have = counted(self.groups, "group")
            return f"too few answers: {have} of {SMALLEST_GROUP} images or more called the same, {needed}"
        figures = (
            f"held-out images are nearer to their own group than images of other kinds in {percent(self.after)} of comparisons, "
            f"{percent(self.before)} before (± {percent(self.error)}, {counted(self.groups, 'group')})"
        )
        return figures if self.improves else f"no clear gain: {figures}"


def held_out(
    answered: Answered,
    vectors: Callable[[Rows], Vectors],
    others: Rows,
    fit: Callable[[list[Rows], list[Rows]], Fitted],
    seed: int = 0,
) -> HeldOut:
    """Judges a way of adapting by images that it does not see.

    Args:
        answered: the answers.
        vectors: unit vectors `(n, D)` of some rows.
        others: rows `(B,)` that stand for the whole index.
        fit: makes an adaptation from groups of rows, with their centres in this order, and from rows that were told from each; called by
            several threads at once.
        seed: of the folds.
    """
    large = [number for number, group in enumerate(answered.groups) if len(group) >= SMALLEST_GROUP]
    if len(large) < FEWEST_GROUPS:
        return HeldOut(len(large))
    folds = _folds(answered.groups, large, seed)
    compared, apart = _Compared(answered, vectors, others), answered.apart
    judged = list(side_by_side(lambda number: _Fold(number, answered, folds, compared, fit), range(FOLDS)))
    share_G2 = np.array(
        [np.mean([fold.shares[number] for fold in judged if fold.holds_out(number)], axis=0) for number in large]
    )
    weight_G = np.array([float(len(answered.groups[number])) for number in large])
    weight_G /= weight_G.sum()
    before, after = (weight_G @ share_G2).tolist()
    off_G = share_G2[:, 1] - share_G2[:, 0] - (after - before)
    error = np.sqrt((weight_G**2 * off_G**2).sum() * len(large) / (len(large) - 1))
    answers = [fold.answers(number, apart[number]) for number in large for fold in judged if fold.holds_out(number)]
    told = [each for each in answers if each is not None]
    explained = _explained(*map(np.concatenate, zip(*told, strict=True))) if told else None
    return HeldOut(len(large), before, after, float(error), explained)


def _folds(groups: Sequence[Rows], large: list[int], seed: int) -> list[Rows]:
    """The fold of each image of each group, as even as can be within a group and over all of them; −1 in small ones, which are kept."""
    rng, start = np.random.default_rng(seed), 0
    folds = [np.full(len(group), -1) for group in groups]
    for number in large:
        size = len(groups[number])
        folds[number] = rng.permutation((start + np.arange(size)) % FOLDS)
        start += size
    return folds


class _Compared:
    """The images that answers are about, and what stands for others: read once, and mapped by each fold at once."""

    def __init__(self, answered: Answered, vectors: Callable[[Rows], Vectors], others: Rows) -> None:
        self._answered, self._others = answered, others
        asked = np.concatenate([*answered.groups, *answered.different])
        lacks = not all(map(len, answered.different))
        self._rows_U = np.unique(np.concatenate([asked, others]) if lacks else asked)
        self.vectors_UD = vectors(self._rows_U)

    def places(self, rows: Rows) -> Rows:
        """Where `vectors_UD` has some rows."""
        return np.searchsorted(self._rows_U, rows)

    def apart(self, number: int) -> Rows:
        """Rows that an answer tells from a group; where none does, any others will do, though they are easily told."""
        told = self._answered.different[number]
        return told if len(told) else np.setdiff1d(self._others, self._answered.groups[number])


class _Fold:
    """The index adapted to all answers but those about a fifth of the images.

    Attributes:
        shares: of each group that gives up images, the share of comparisons that come out right before and after.
    """

    def __init__(
        self,
        number: int,
        answered: Answered,
        folds: list[Rows],
        compared: _Compared,
        fit: Callable[[list[Rows], list[Rows]], Fitted],
    ) -> None:
        self._answered, self._out = answered, [fold == number for fold in folds]
        kept = [group[~out] for group, out in zip(answered.groups, self._out, strict=True)]
        strangers = answered.strangers
        is_out = [np.arange(len(rows)) % FOLDS == number for rows in strangers]
        fitted = fit(kept, [rows[~out] for rows, out in zip(strangers, is_out, strict=True)])
        grouped = [group[out] for group, out in zip(answered.groups, self._out, strict=True)]
        self._unseen = np.unique(
            np.concatenate([*grouped, *(rows[out] for rows, out in zip(strangers, is_out, strict=True))])
        )
        mapped_UD = fitted.mapped(compared.vectors_UD)
        self._belonging = fitted.belonging(mapped_UD[compared.places(self._unseen)])
        self.shares = {
            group: self._shares(group, compared, mapped_UD, fitted)
            for group in range(len(folds))
            if self.holds_out(group)
        }

    def holds_out(self, number: int) -> bool:
        """True if an image of a group is held out."""
        return bool(self._out[number].any())

    def _shares(self, number: int, compared: _Compared, mapped_UD: Vectors, fitted: Fitted) -> tuple[float, float]:
        group, out = self._answered.groups[number], self._out[number]
        places = [compared.places(rows) for rows in (group[out], compared.apart(number), group[~out])]
        out_HD, apart_ED, kept_JD = (mapped_UD[rows] for rows in places)
        kept_JD = fitted.gathered(kept_JD, np.full(len(kept_JD), number))
        return _share(*(compared.vectors_UD[rows] for rows in places)), _share(out_HD, apart_ED, kept_JD)

    def answers(self, number: int, apart: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """How probably unseen images belong to a group: `(H,)` of its own, and `(E,)` of those told from it; `None` if that is not told."""
        if self._belonging is None:
            return None
        unseen = self._answered.groups[number][self._out[number]], np.intersect1d(apart, self._unseen)
        own_H, apart_E = (self._belonging[np.searchsorted(self._unseen, rows), number] for rows in unseen)
        return own_H, apart_E


def _explained(same_M: NDArray[np.float64], apart_E: NDArray[np.float64]) -> float | None:
    """Share of the entropy of answers that probabilities explain; `None` if all are the same."""
    total = len(same_M) + len(apart_E)
    share = len(same_M) / total
    if share == 1:
        return None
    likely = np.log(same_M.clip(_LEAST)).sum() + np.log((1 - apart_E).clip(_LEAST)).sum()
    return float(1 - likely / total / (share * np.log(share) + (1 - share) * np.log(1 - share)))


def _share(out_HD: Vectors, apart_ED: Vectors, kept_JD: Vectors) -> float:
    """Share of the comparisons in which a held-out image is nearer to one that stayed than an image that was told from the group.

    Where both are in one order, the places of the held-out ones say how many of the others come before them (the U of Mann and Whitney).
    """
    held, other_MD = len(out_HD), np.concatenate([out_HD, apart_ED])
    at_once, below = max(1, _MOST_COMPARED // len(other_MD)), 0
    for start in range(0, len(kept_JD), at_once):
        near_BM = kept_JD[start : start + at_once] @ other_MD.T
        is_held_BM = (
            np.argsort(near_BM, axis=1, kind="stable") < held
        )  # of equally near ones, held-out images are first
        below += int((is_held_BM @ np.arange(len(other_MD))).sum()) - len(near_BM) * held * (held - 1) // 2
    return below / (held * len(apart_ED) * len(kept_JD))
