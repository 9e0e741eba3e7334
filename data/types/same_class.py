"""When two images are of the same class: the one definition, for audit, evaluation, training and demo.

An image has one class number, that of its label or of its set of labels, and two images are of the same class if their numbers are equal.
Where images have several labels and a shared one is enough (`any`), `LabelSets` says which numbers are of the same class besides. That is
no equivalence (cat ~ cat + dog ~ dog), so a number alone cannot say it.
"""

# C classes (sets of labels), L labels, W words of 64 labels

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

JOINED_BY = " + "
"""Between the labels of an image that has several."""
EXACT, ANY = "exact", "any"
RULES = (EXACT, ANY)
"""Rules for several labels: two images are of the same class if all of their labels are the same, or if one is."""
_WORD = 64
_BLOCK_VALUES = 1 << 22


def rule_of(rules: Iterable[str]) -> str:
    """The rule of several corpora together: the first in `any`, `exact` and none that one of them has."""
    had = set(rules)
    return next((rule for rule in (ANY, EXACT) if rule in had), "")


def same_labels(one: str | None, other: str | None, rule: str) -> bool | None:
    """True if images of these labels are of the same class, `None` where one of them is unknown.

    Args:
        one: a label, or several joined by `JOINED_BY`.
        other: the same.
        rule: `any`, `exact`, or empty where no image has several labels.
    """
    if one is None or other is None:
        return None
    classes = sorted({one, other})
    number = np.array([classes.index(one), classes.index(other)])
    return bool(same_class(number[0], number[1], LabelSets.of(classes, rule)))


@dataclass(frozen=True)
class LabelSets:
    """The labels of every class, where a shared label is enough for being of the same class.

    Attributes:
        names: the L labels in alphabetical order.
        has_CL: `(C, L)` bool, which labels a class has.
        bits_CW: `(C, W)` uint64, the same as bits.
    """

    names: list[str]
    has_CL: NDArray[np.bool_]
    bits_CW: NDArray[np.uint64]

    @classmethod
    def of(cls, classes: Sequence[str], rule: str) -> LabelSets | None:
        """The labels of these classes, `None` where equal class numbers decide alone.

        Args:
            classes: names by class number, several labels joined by `JOINED_BY`.
            rule: `any`, `exact`, or empty where no image has several labels.
        """
        if rule != ANY:
            return None
        labels = [name.split(JOINED_BY) for name in classes]
        names = sorted({label for each in labels for label in each})
        place = {name: i for i, name in enumerate(names)}
        words = -(-max(1, len(names)) // _WORD)
        padded = np.zeros((len(classes), words * _WORD), dtype=bool)
        for row, each in enumerate(labels):
            padded[row, [place[label] for label in each]] = True
        bits = np.packbits(padded, axis=1).view(np.uint64)
        return cls(names, padded[:, : len(names)], bits)

    def num_same(self, class_A: NDArray[np.int64], class_N: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of N images are of the same class as each of A, itself included if it is one of them.

        Args:
            class_A: `(A,)` class numbers, −1 where unknown.
            class_N: `(N,)` class numbers, −1 where unknown.

        Returns:
            `(A,)` counts; 0 for an unknown class.
        """
        count = len(self.has_CL)
        images_C = np.bincount(class_N[class_N >= 0], minlength=count)
        same_C = np.zeros(count + 1, dtype=np.int64)  # the last place is that of the unknown class
        step = max(1, _BLOCK_VALUES // max(1, count))
        for start in range(0, count, step):
            rows = np.arange(start, min(start + step, count))
            same_C[rows] = same_class(rows[:, None], np.arange(count)[None, :], self).astype(np.float64) @ images_C
        return np.asarray(same_C[class_A])


def same_class(one: NDArray[np.int64], other: NDArray[np.int64], sets: LabelSets | None = None) -> NDArray[np.bool_]:
    """True where two images are of the same class; shapes broadcast.

    Args:
        one: class numbers, −1 where unknown; an unknown class is not told apart from another unknown one without `sets`.
        other: the same.
        sets: the classes' labels, where a shared one is enough; `None` compares numbers.
    """
    if sets is None:
        return np.asarray(one == other)
    same = np.zeros(np.broadcast_shapes(one.shape, other.shape), dtype=bool)
    if not len(sets.bits_CW):  # every number is −1 then
        return np.asarray(same)
    for word_C in sets.bits_CW.T:
        same |= (word_C[one] & word_C[other]) != 0
    return np.asarray(same & (one >= 0) & (other >= 0))
