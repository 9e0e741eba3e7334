"""The sentence about a corpus."""

from __future__ import annotations

from samekind.app.view_models.overview.corpus_view import corpus_sentence


def test_a_corpus_in_a_sentence() -> None:
    """Splits are told where there are several, in their usual order; without classes it says so."""
    splits = ["test", "train", "train"]
    assert corpus_sentence(3, 2, splits) == "This corpus has 3 images of 2 classes: 2 in train and 1 in test."
    assert corpus_sentence(1, 0, ["train"]) == "This corpus has 1 image without labels."
    assert corpus_sentence(4, 1, [*splits, "validation"]).endswith("2 in train, 1 in validation and 1 in test.")
