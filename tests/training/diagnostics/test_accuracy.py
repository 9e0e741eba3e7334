"""k-NN accuracy against a loop of votes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.training.diagnostics.accuracy import knn_accuracy
from tests.training import slow_loops


@given(seed=st.integers(0, 30), classes=st.integers(1, 4), k=st.integers(1, 40))
def test_knn_is_the_slow_vote(seed: int, classes: int, k: int) -> None:
    """Accuracy of the loop with a dictionary, k beyond the bank and negative cosines included."""
    random = np.random.default_rng(seed)
    bank, query = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (random.normal(size=(30, 4)), random.normal(size=(9, 4)))
    )
    bank_labels, query_labels = random.integers(0, classes, 30), random.integers(0, classes, 9)
    got = knn_accuracy(bank.astype(np.float32), bank_labels, query.astype(np.float32), query_labels, k, 0.1)
    assert got == slow_loops.weighted_knn(bank, bank_labels, query, query_labels, k, 0.1)


def test_knn_without_labels_is_unknown() -> None:
    """Rows of unknown class neither vote nor count; with none known there is no figure."""
    bank = np.eye(3, dtype=np.float32)
    unknown = np.full(3, -1)
    assert knn_accuracy(bank, unknown, bank, unknown) is None
    assert knn_accuracy(bank, np.array([0, 1, -1]), bank, np.array([0, 1, -1]), k=1) == 1.0
    with pytest.raises(InputError, match="at least 1"):
        knn_accuracy(bank, unknown, bank, unknown, k=0)
