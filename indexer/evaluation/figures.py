"""Figures of embeddings whose labels are known: k-NN, linear probe, hit rate and MAP@R."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.data.types.same_class import LabelSets
from samekind.indexer.evaluation.retrieval import hit_rate_at_1, map_at_r
from samekind.training.diagnostics.accuracy import KNN_K, knn_accuracy
from samekind.training.models.whitening import IMAGES_PER_DIRECTION
from samekind.training.training_set import label_numbers

MAP_QUERIES = 2000
LINEAR_VALUES = 60_000 * 512
_SEED = 0


@dataclass(frozen=True)
class Evaluation:
    """Figures of one artefact; `None` where they are undefined, and a note says why.

    Attributes:
        knn_accuracy: share of test images whose class wins a vote of the `knn_k` nearest train images, weighted by exp(cosine / 0.1).
        knn_k: 20, or the number of train images if that is less.
        linear_accuracy: of a logistic regression on the standardised embeddings.
        hit_rate_at_1: share of test images whose nearest train image has their class.
        map_at_r: mean average precision at R, over at most 2,000 test images.
        num_train: labelled train images.
        num_test: labelled test images.
        epoch: the last epoch of the training, which the encoder comes from; `None` if unknown.
        without_whitening: k-NN accuracy, hit rate at 1 and MAP@R of the bare features; `None` if they were not measured.
        adapted: the same of the space that searches use, as people's answers have adapted it; `None` if there is no adaptation.
        notes: what a reader must know about these figures.
    """

    knn_accuracy: float | None
    knn_k: int
    linear_accuracy: float | None
    hit_rate_at_1: float | None
    map_at_r: float | None
    num_train: int
    num_test: int
    epoch: int | None
    without_whitening: dict[str, float | None] | None = None
    adapted: dict[str, float | None] | None = None
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The figures as `--json` prints them."""
        return asdict(self)


def evaluate_vectors(
    vectors_ND: NDArray[np.float32],
    splits: Sequence[str],
    labels: list[str | None] | None,
    notes: list[str] | None = None,
    progress: Progress | None = None,
    *,
    linear: bool = True,
    rule: str = "",
) -> Evaluation:
    """Figures of embeddings: bank = train, queries = test.

    Args:
        vectors_ND: `(N, D)` float32 of unit norm.
        splits: of each row.
        labels: class names; `None` where unknown.
        notes: sentences that the result shall carry as well.
        progress: shows a bar.
        linear: fit the linear probe as well, which takes longest.
        rule: when images of several labels are of the same class (`data.types.same_class`). With `any` there is no linear probe.
    """
    notes = list(notes or [])
    classes = sorted({label for label in labels or [] if label is not None})
    numbers = label_numbers(labels, classes)
    class_N = np.full(len(vectors_ND), -1, dtype=np.int64) if numbers is None else numbers
    split_N = np.array(splits, dtype=object)
    train, test = ((class_N >= 0) & (split_N == name) for name in ("train", "test"))
    num_train, num_test = int(train.sum()), int(test.sum())
    knn_k = min(KNN_K, num_train) if num_train else KNN_K
    why = _why_not(labels, split_N, num_train, num_test)
    if why:
        return Evaluation(None, knn_k, None, None, None, num_train, num_test, None, notes=[*notes, why])
    bank, bank_class, query, query_class = vectors_ND[train], class_N[train], vectors_ND[test], class_N[test]
    sets = LabelSets.of(classes, rule)
    if sets is not None and linear:
        notes.append(
            "There is no linear probe: images that share a label (any) are no classes that exclude each other."
        )
    typical = int(np.median(np.unique(bank_class, return_counts=True)[1]))
    if 2 * typical < knn_k:
        notes.append(
            f"Half of the classes have at most {counted(typical, 'training image')}, a minority of the {knn_k} that vote in the k-NN: "
            "the hit rate at 1 says more."
        )
    chosen = np.sort(np.random.default_rng(_SEED).permutation(num_test)[:MAP_QUERIES])
    if len(chosen) < num_test:
        notes.append(f"map_at_r is over {len(chosen):,} of {num_test:,} test images (seeded choice).")
    with (progress or NoProgress()).task("Evaluating", 3 * num_test + len(chosen)) as task:
        accuracy = knn_accuracy(bank, bank_class, query, query_class, KNN_K, sets=sets)
        task.advance(num_test)
        hit_rate = hit_rate_at_1(bank, bank_class, query, query_class, sets)
        task.advance(num_test)
        precision = map_at_r(bank, bank_class, query[chosen], query_class[chosen], task, sets)
        fitted = linear_accuracy(bank, bank_class, query, query_class, notes) if linear and sets is None else None
        task.advance(num_test)
    return Evaluation(accuracy, knn_k, fitted, hit_rate, precision, num_train, num_test, None, notes=notes)


def linear_accuracy(
    bank_ND: NDArray[np.float32],
    bank_class_N: NDArray[np.int64],
    query_QD: NDArray[np.float32],
    query_class_Q: NDArray[np.int64],
    notes: list[str],
) -> float:
    """Accuracy of a logistic regression on embeddings of zero mean and unit variance, of each dimension or (few rows) on average.

    It is fitted to at most 60,000 bank rows of dimension 512, or as many values, so that it ends within about a minute.

    Args:
        bank_ND: `(N, D)` float32, N ≥ 1.
        bank_class_N: `(N,)` class numbers.
        query_QD: `(Q, D)` float32.
        query_class_Q: `(Q,)` class numbers.
        notes: gets a sentence if not all rows were used, or if the fit did not converge.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(bank_class_N)) == 1:
        return float((query_class_Q == bank_class_N[0]).mean())
    chosen = np.sort(np.random.default_rng(_SEED).permutation(len(bank_ND))[: LINEAR_VALUES // bank_ND.shape[1]])
    if len(chosen) < len(bank_ND):
        notes.append(f"linear_accuracy is fitted to {len(chosen):,} of {len(bank_ND):,} train images (seeded choice).")
    bank = bank_ND[chosen]
    mean, deviation = bank.mean(axis=0), _scale(bank)
    model = LogisticRegression(max_iter=300, tol=1e-3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit((bank - mean) / deviation, bank_class_N[chosen])
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        notes.append("The linear probe stopped before it converged; its accuracy is a lower bound.")
    return float((model.predict((query_QD - mean) / deviation) == query_class_Q).mean())


def _scale(bank_ND: NDArray[np.float32]) -> NDArray[np.float32]:
    """What each dimension is divided by: its standard deviation where there are rows enough to tell it, otherwise one for all, or
    directions in which a few rows hardly vary would be as loud as the rest.
    """
    deviation = bank_ND.std(axis=0)
    if len(bank_ND) < IMAGES_PER_DIRECTION * bank_ND.shape[1]:
        deviation = np.full_like(deviation, np.sqrt(np.mean(deviation**2)))
    scale: NDArray[np.float32] = np.maximum(deviation, np.float32(1e-6))
    return scale


def _why_not(labels: list[str | None] | None, split_N: NDArray[Any], num_train: int, num_test: int) -> str:
    if labels is None or not any(label is not None for label in labels):
        return "The corpus has no labels, so accuracy cannot be measured."
    for name, labelled in (("train", num_train), ("test", num_test)):
        if labelled == 0:
            some = "labelled " if (split_N == name).any() else ""
            return f"The corpus has no {some}{name} images, so accuracy cannot be measured."
    return ""
