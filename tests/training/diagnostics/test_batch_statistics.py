"""The tracker of false negatives against counts by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.false_negatives.treatments import FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast


def contrast_of(similarity: list[list[float]], candidates: list[int]) -> Contrast:
    """A hand-made batch whose first column is the positive."""
    matrix = torch.tensor(similarity)
    anchors = torch.arange(len(matrix))
    index = torch.tensor(candidates)
    return Contrast(
        matrix[:, 0], matrix, anchors[:, None] != index[None, :], anchors, index, torch.zeros(len(matrix), 2), torch.zeros(len(index), 2)
    )  # fmt: skip


def test_the_tracker_counts_by_rank() -> None:
    """Hand-made case: image 0 of class A meets 1 (A), 2 (B), 3 (B); its hardest negative is 2."""
    tracker = FalseNegativeTracker(np.array([0, 0, 1, 1]))
    contrast = contrast_of([[1.0, 0.5, 0.9, 0.1]], [0, 1, 2, 3])
    tracker.update(contrast, torch.tensor([[-5.0, 1.0, 2.0, 1.0]]))
    record = tracker.record()
    assert record["base_rate"] == pytest.approx(1 / 3)
    assert record["false_negative_rate"] == {"1": 0.0, "10": None, "100": None}
    assert record["gradient_share"] == pytest.approx(1 / 4)
    assert record["lift"]["1"] == 0.0  # type: ignore[index]
    assert record["num_anchors"] == 1


def test_the_tracker_leaves_unknown_pairs_out() -> None:
    """An unlabelled candidate is neither a true nor a false negative, but keeps its rank."""
    tracker = FalseNegativeTracker(np.array([0, 0, -1]))
    tracker.update(contrast_of([[1.0, 0.5, 0.9]], [0, 1, 2]), torch.ones(1, 3))
    assert tracker.record()["base_rate"] == 1.0
    assert tracker.record()["false_negative_rate"]["1"] is None  # type: ignore[index]


def test_the_tracker_without_labels_knows_nothing() -> None:
    """Null, never NaN."""
    tracker = FalseNegativeTracker(None)
    tracker.update(contrast_of([[1.0, 0.5]], [0, 1]), torch.ones(1, 2))
    assert tracker.record() == {
        "base_rate": None, "false_negative_rate": None, "lift": None, "gradient_share": None, "detector": None,
        "num_anchors": 0,
    }  # fmt: skip


def test_the_tracker_judges_the_detector() -> None:
    """Precision and recall of the flags among the pairs that are known."""
    tracker = FalseNegativeTracker(np.array([0, 0, 1, 0, -1]))
    contrast = contrast_of([[1.0, 0.5, 0.9, 0.1, 0.3]], [0, 1, 2, 3, 4])
    flagged = torch.tensor([[False, True, True, False, True]])
    tracker.update(contrast, torch.ones(1, 5), FalseNegativePrediction(flagged, flagged.float()))
    assert tracker.record()["detector"] == {"precision": 0.5, "recall": 0.5}
