"""k-NN accuracy against a loop of votes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.training.diagnostics import accuracy
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


@pytest.mark.parametrize("values", [1, 3 * 200])
def test_knn_against_a_large_bank_goes_in_small_blocks(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The accuracy is that of all queries at once; no block holds more similarities than allowed, but for a single query."""
    random = np.random.default_rng(0)
    unit = [
        rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (random.normal(size=(n, 6)) for n in (200, 50))
    ]
    bank, query = (rows.astype(np.float32) for rows in unit)
    labels = random.integers(0, 3, 200), random.integers(0, 3, 50)
    whole = knn_accuracy(bank, labels[0], query, labels[1], k=5)
    widest, topk = [0], torch.Tensor.topk

    def seen(self: torch.Tensor, k: int, dim: int) -> torch.return_types.topk:
        widest[0] = max(widest[0], self.numel())
        return topk(self, k, dim=dim)

    monkeypatch.setattr(accuracy, "_BLOCK_VALUES", values)
    monkeypatch.setattr(torch.Tensor, "topk", seen)
    assert knn_accuracy(bank, labels[0], query, labels[1], k=5) == whole
    assert widest[0] <= max(values, 200)
