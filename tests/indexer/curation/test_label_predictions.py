"""Out-of-sample predictions against a minimum that SciPy finds, and what folds must keep apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from samekind.indexer.curation import label_predictions as module


def optimum(
    vectors: NDArray[np.float64], numbers: NDArray[np.int64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Probabilities of a logistic regression that SciPy minimises by its definition: ‖W‖²/2 and the weighted sum of log losses."""
    classes, dim = int(numbers.max()) + 1, vectors.shape[1]

    def split(flat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return flat[: classes * dim].reshape(classes, dim), flat[classes * dim :]

    def loss(flat: NDArray[np.float64]) -> float:
        weights, bias = split(flat)
        logits = vectors @ weights.T + bias
        own = logits[np.arange(len(numbers)), numbers]
        return float((weights**2).sum() / 2 + module.STRENGTH * (np.logaddexp.reduce(logits, axis=1) - own).sum())

    weights, bias = split(minimize(loss, np.zeros(classes * (dim + 1)), tol=1e-8).x)
    logits = asked @ weights.T + bias
    return np.asarray(np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)))


def random_set(count: int = 45, seed: int = 3) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Unit vectors of three classes that overlap."""
    random = np.random.default_rng(seed)
    numbers = np.arange(count) % 3
    vectors = random.normal(size=(count, 4)) + np.eye(4)[numbers]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), numbers


def test_predictions_are_a_logistic_regression_on_the_other_folds() -> None:
    """Each fold's probabilities are those of the minimum over all others, whichever images are asked for."""
    vectors, numbers = random_set()
    fold = np.arange(45) // 3 % module.FOLDS
    found = module.out_of_sample(vectors, numbers, fold, np.arange(45))
    for number in range(module.FOLDS):
        expected = optimum(vectors[fold != number], numbers[fold != number], vectors[fold == number])
        np.testing.assert_allclose(found[fold == number], expected, atol=5e-3)
    asked = np.array([4, 17, 40])
    # A few rows may be multiplied another way than many, which moves the last bit.
    np.testing.assert_allclose(module.out_of_sample(vectors, numbers, fold, asked), found[asked], rtol=1e-12)


def test_an_image_s_own_label_has_no_say() -> None:
    """Changing the labels of a fold leaves the probabilities of its images as they were, and changes others."""
    vectors, numbers = random_set()
    fold = np.arange(45) // 3 % module.FOLDS
    before = module.out_of_sample(vectors, numbers, fold, np.arange(45))
    after = module.out_of_sample(vectors, np.where(fold == 2, (numbers + 1) % 3, numbers), fold, np.arange(45))
    np.testing.assert_array_equal(after[fold == 2], before[fold == 2])
    assert not np.allclose(after[fold == 1], before[fold == 1], atol=1e-3)


def test_folds_hold_contents_together_and_deal_out_each_class() -> None:
    """Copies share a fold, and each class has as many contents in every fold, but for one."""
    numbers = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 23, 2]))
    fold = module.folds(numbers, np.arange(75))
    for number in range(3):
        counts = np.bincount(fold[numbers == number], minlength=module.FOLDS)
        assert counts.max() - counts.min() <= 1
    content = np.concatenate([np.arange(70), [3, 3, 9, 11, 69]])
    fold = module.folds(numbers, content)
    assert all(len(set(fold[content == number])) == 1 for number in range(70))


def test_a_class_of_one_image_is_predicted_from_nothing() -> None:
    """No other fold knows it, so that nothing is claimed about its image; the others are predicted as ever."""
    vectors, numbers = random_set()
    numbers[7] = 3
    share = module.out_of_sample(vectors, numbers, np.arange(45) // 3 % module.FOLDS, np.arange(45))
    assert not share[7].any()
    np.testing.assert_allclose(np.delete(share, 7, axis=0).sum(axis=1), 1)
    predictions = module.Predictions(np.arange(45), numbers, share)
    assert not predictions.is_issue_J[7]
    assert predictions.score_J[7] == 0


def test_of_many_images_a_sample_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never one of the asked fold, the same at every call, and at least so many a class."""
    numbers, known = np.arange(600) % 3, np.arange(600) % 5 != 1
    rows = module._fitted_rows(numbers, known, 4)
    np.testing.assert_array_equal(rows, np.flatnonzero(known))
    monkeypatch.setattr(module, "MOST_VALUES", 12 * 200)
    rows = module._fitted_rows(numbers, known, 4)
    assert len(set(rows.tolist())) == 200
    assert known[rows].all()
    np.testing.assert_array_equal(rows, module._fitted_rows(numbers, known, 4))
    monkeypatch.setattr(module, "MOST_VALUES", 12)
    assert len(module._fitted_rows(numbers, known, 4)) == 3 * module.LEAST_A_CLASS


def test_suspicion_needs_the_confidence_of_the_suggested_class() -> None:
    """Another class must be as probable as it is on average for its own images, and more so than the given label."""
    share_JC = np.array([[0.9, 0.1], [0.3, 0.7], [0.45, 0.55], [0.1, 0.9], [0.55, 0.45]])
    given_J = np.array([0, 0, 0, 1, 1])
    predictions = module.Predictions(np.arange(5), given_J, share_JC)
    # Mean self-confidence: class 0: (0.9 + 0.3 + 0.45) / 3 = 0.55, class 1: (0.9 + 0.45) / 2 = 0.675.
    assert predictions.is_issue_J.tolist() == [False, True, False, False, True]
    assert predictions.suggested_J.tolist() == [1, 1, 1, 0, 0]
