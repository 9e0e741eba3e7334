"""Labels of a training set."""

from __future__ import annotations

from samekind.training.training_set import label_numbers


def test_label_numbers_mark_unknown_ones() -> None:
    """Unknown names and missing labels become −1."""
    assert label_numbers(["b", None, "a", "z"], ["a", "b"]).tolist() == [1, -1, 0, -1]  # type: ignore[union-attr]
    assert label_numbers(None, ["a"]) is None
