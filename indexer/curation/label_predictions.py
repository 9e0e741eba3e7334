"""What class each image is of, as predicted from the other images.

# N rows, J evaluated images, L labelled ones, D dimension, C classes

A logistic regression on the embeddings predicts each image from those of other folds, so that its own label has no say. Neither have files
of equal content, which would only repeat that label: they share a fold. Against votes of neighbours, which were in use before, and
against other classifiers: docs/decisions/0022. The strength was chosen by finding labels replaced at random on training splits.

Source:
    Confident learning: arXiv 1911.00068, equations 2 and 3.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.types.same_class import ANY
from samekind.training.training_set import label_numbers

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

Shares = TypeVar("Shares", float, NDArray[np.float64])
FOLDS = 5
STRENGTH = 0.75
"""Weight C of the data against the penalty of scikit-learn's `LogisticRegression`, for vectors of unit norm."""
MOST_VALUES = 1_500_000_000
LEAST_A_CLASS = 50
"""A fit takes at most `MOST_VALUES` / (D · C) images, or 50 a class if that is more: about ten seconds on one core."""
_SEED = 0
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Predictions:
    """Probabilities of each evaluated image's class.

    Attributes:
        row_J: `(J,)` int64 rows of the index, ascending.
        given_J: `(J,)` int64 class numbers of the given labels.
        share_JC: `(J, C)` float64 probabilities; all zero where the images of other folds do not know the given class.
    """

    row_J: NDArray[np.int64]
    given_J: NDArray[np.int64]
    share_JC: NDArray[np.float64]

    @property
    def label_share_J(self) -> NDArray[np.float64]:
        """`(J,)` probability of the given label."""
        shares: NDArray[np.float64] = np.take_along_axis(self.share_JC, self.given_J[:, None], axis=1)[:, 0]
        return shares

    @property
    def suggested_J(self) -> NDArray[np.int64]:
        """`(J,)` the most probable class apart from the given one."""
        return np.asarray(self._others_JC().argmax(axis=1), dtype=np.int64)

    @property
    def suggested_share_J(self) -> NDArray[np.float64]:
        """`(J,)` its probability."""
        return np.asarray(self._others_JC().max(axis=1).clip(min=0))

    @property
    def score_J(self) -> NDArray[np.float64]:
        """`(J,)` suspicion, see `LabelIssue`."""
        return np.asarray(suspicion(self.suggested_share_J, self.label_share_J))

    @property
    def is_issue_J(self) -> NDArray[np.bool_]:
        """`(J,)` labels where the suggestion reaches the mean self-confidence of its class and is more probable than the label."""
        images_C = np.bincount(self.given_J, minlength=self.share_JC.shape[1])
        own_C = np.bincount(self.given_J, weights=self.label_share_J, minlength=len(images_C))
        confidence_C = own_C / np.maximum(images_C, 1)
        enough_J = self.suggested_share_J >= confidence_C[self.suggested_J]
        return np.asarray(enough_J & (self.suggested_share_J > self.label_share_J))

    @property
    def agreement(self) -> float:
        """Share of the evaluated images whose given label is the most probable one, in [0, 1]; one without prediction does not agree."""
        most_J = np.where(self.share_JC.any(axis=1), self.share_JC.argmax(axis=1), -1)
        return float((most_J == self.given_J).mean())

    def _others_JC(self) -> NDArray[np.float64]:
        others_JC = self.share_JC.copy()
        np.put_along_axis(others_JC, self.given_J[:, None], -1.0, axis=1)
        return others_JC


def suspicion(other: Shares, given: Shares) -> Shares:
    """Probability of another class, if it is that or the given one, in [0, 1]; 0 without a prediction."""
    return other / (other + given + _TINY)


def class_numbers(index: OpenedIndex) -> NDArray[np.int64]:
    """`(N,)` class numbers, −1 for unknown.

    Raises:
        InputError: the corpus has no labels, those of one class only, or images that share a label are of the same class.
    """
    class_N = label_numbers(index.labels, index.classes)
    if class_N is None:
        raise InputError("the corpus has no labels, so none can be wrong", hint="sort the images into folder/<class>/")
    if index.label_rule == ANY:
        raise InputError(
            "labels are not looked through where images that share one are of the same class (any)",
            hint="index with --several exact, or with --labels FILE:COLUMN for one label an image",
        )
    if len(index.classes) < 2:
        raise InputError(f"every label is {index.classes[0]!r}: with one class none can be told to be wrong")
    return class_N


def label_predictions(
    index: OpenedIndex, class_N: NDArray[np.int64], row_J: NDArray[np.int64], progress: Progress | None = None
) -> Predictions:
    """Predicts the classes of some labelled rows from all labelled ones.

    Args:
        index: the images.
        class_N: as `class_numbers` gives them.
        row_J: `(J,)` rows with a label, ascending.
        progress: shows a bar.
    """
    labelled = np.flatnonzero(class_N >= 0)
    content_L = np.unique(index.rows.numbered("sha256")[labelled], return_inverse=True)[1]
    fold_L = folds(class_N[labelled], content_L)
    vector_LD = index.vectors(labelled).astype(np.float64)
    share_JC = out_of_sample(vector_LD, class_N[labelled], fold_L, np.searchsorted(labelled, row_J), progress)
    return Predictions(row_J, class_N[row_J], share_JC)


def folds(class_L: NDArray[np.int64], content_L: NDArray[np.int64]) -> NDArray[np.int64]:
    """`(L,)` folds of the images: each class is dealt out evenly, and equal contents stay together."""
    first_U = np.unique(content_L, return_index=True)[1]
    shuffled_U = np.random.default_rng(_SEED).permutation(len(first_U))
    order_U = shuffled_U[np.argsort(class_L[first_U][shuffled_U], kind="stable")]
    fold_U = np.empty(len(first_U), dtype=np.int64)
    fold_U[order_U] = np.arange(len(first_U)) % FOLDS
    return fold_U[content_L]


def out_of_sample(
    vector_LD: NDArray[np.float64],
    class_L: NDArray[np.int64],
    fold_L: NDArray[np.int64],
    evaluated_J: NDArray[np.int64],
    progress: Progress | None = None,
) -> NDArray[np.float64]:
    """Predicts images from those of other folds.

    Args:
        vector_LD: `(L, D)` of unit norm.
        class_L: `(L,)` class numbers ≥ 0.
        fold_L: `(L,)` numbers below `FOLDS`.
        evaluated_J: `(J,)` numbers of the images to predict among the L.
        progress: shows a bar.

    Returns:
        `(J, C)` probabilities, all zero where the given class is in no other fold.
    """
    share_JC = np.zeros((len(evaluated_J), int(class_L.max()) + 1))
    with (progress or NoProgress()).task("Predicting labels", FOLDS) as task:
        for fold in range(FOLDS):
            known, asked = _fitted_rows(class_L, fold_L != fold, vector_LD.shape[1]), fold_L[evaluated_J] == fold
            if asked.any() and len(np.unique(class_L[known])) > 1:
                _predict(share_JC, (vector_LD[known], class_L[known]), vector_LD[evaluated_J[asked]], asked)
            task.advance(1)
    share_JC[np.take_along_axis(share_JC, class_L[evaluated_J][:, None], axis=1)[:, 0] == 0] = 0
    return share_JC


def _predict(
    share_JC: NDArray[np.float64],
    known: tuple[NDArray[np.float64], NDArray[np.int64]],
    asked_ID: NDArray[np.float64],
    asked_J: NDArray[np.bool_],
) -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the ranking needs no last digits
        model.fit(*known)
    share_JC[np.ix_(asked_J, model.classes_)] = model.predict_proba(asked_ID)


def _fitted_rows(class_L: NDArray[np.int64], known_L: NDArray[np.bool_], dim: int) -> NDArray[np.int64]:
    """Rows that a fit takes: all that are known, or of many a seeded sample."""
    rows, classes = np.flatnonzero(known_L), int(class_L.max()) + 1
    most = max(MOST_VALUES // (dim * classes), LEAST_A_CLASS * classes)
    return rows if len(rows) <= most else np.sort(np.random.default_rng(_SEED).permutation(rows)[:most])
