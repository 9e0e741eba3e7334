"""The page *Same or different?* of a small index, and its buttons."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.view_models.pairs import pair_of
from samekind.indexer.index import build_index
from tests.app.pages import LABEL_PAIRS, healthy
from tests.indexer.helpers import FakeEncoder, save_encoder


def build(folder: Path, *, labelled: bool = True, partly: bool = False) -> Path:
    """An index of 150 digits and an exact copy of one, by an encoder that needs no training; `partly` takes every second label away."""
    digits = sk.load_corpus("digits", limit=150)
    pixels, labels = digits.native_array, digits.labels
    assert pixels is not None
    assert labels is not None
    labels = [None if partly and i % 2 else label for i, label in enumerate(labels)]
    corpus = sk.Corpus.from_arrays(
        [*pixels, pixels[0]],
        [*labels, labels[0]] if labelled else None,
        [*digits.splits, "train"],
        name="digits",
        source=digits.source,
    )
    save_encoder(FakeEncoder(), folder, config={"objective": "hard", "temperature": 0.2, "beta": 1.0})
    build_index(corpus, FakeEncoder(), folder)
    return folder


def groups(at: AppTest) -> AppTest:
    """The page as it opens."""
    return healthy(at.switch_page(LABEL_PAIRS).run())


def label_pairs(at: AppTest) -> AppTest:
    """The page in its mode *Pairs*."""
    at.session_state["labeling_mode"] = "Pairs"
    return groups(at)


def press(at: AppTest, words: str) -> AppTest:
    """The page after the button with these words."""
    (button,) = [button for button in at.button if button.label == words]
    return healthy(button.click().run())


def pair_shown(at: AppTest) -> tuple[str, str]:
    """The pair that the buttons are about."""
    (button,) = [button for button in at.button if button.label == "Same kind"]
    assert button.key is not None
    return pair_of(button.key.removeprefix("same "))
