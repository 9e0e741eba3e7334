"""What the first page says of a corpus and its encoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.app.view_models.audit_view import AuditView
from samekind.app.view_models.overview import sentences
from samekind.app.view_models.overview.telling import telling

CARD = sk.RunCard({}, steps=5000)


def circle(folder: Path, angles: list[float], labels: str) -> AuditView:
    """Images on a circle: neighbours known by their angles."""
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return AuditView(sk.index_vectors(vectors, list("123456"), folder, labels=list(labels)).audit(k=2))


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> AuditView:
    """Six images of two classes."""
    return circle(tmp_path_factory.mktemp("circle"), [0.0, 0.2, 0.5, 0.9, 1.4, 2.0], "aabbab")


def test_the_measured_sentence_has_the_audits_figures(view: AuditView) -> None:
    """Nearest of the same class: 1 and 2 have each other, 4 has 3; the others have not. By chance 2 of 5."""
    text = sentences.measured(view)
    assert "of the same class for **50 %**; by chance it would be 40 %" in text
    assert f"**{view.report.lift:.1f} ×**" in text
    assert "push" not in text, "the objective is unknown"


def test_the_telling_anchor_has_false_negatives_and_true_ones(view: AuditView) -> None:
    """As many as on average, a false one first, and none that may be a copy; else the rule gives way."""
    chosen = telling(view)
    assert chosen is not None
    negatives = view.negatives(chosen)
    assert [negative.false for negative in negatives] == [True, False]
    assert negatives[0].similarity < 0.95


def test_the_telling_anchor_begins_with_a_false_negative(tmp_path: Path) -> None:
    """Images 1 and 3 are nearer to theirs and have as many false ones, but not the hardest; 5 has."""
    found = circle(tmp_path, [0.0, 0.33, 0.66, 1.7, 2.3, 2.95], "ababba")
    assert found.id(telling(found) or 0) == "5"


def test_an_anchor_in_plain_words(view: AuditView) -> None:
    """The count of false ones beside chance; where classes are unknown it says so; names are shown as they are."""
    negatives = view.negatives(telling(view) or 0)
    text = sentences.anchor_words("*b*", negatives, 0.4)
    assert "**1 of 2** is of its own class, \\*b\\*: false negatives" in text
    assert "it would be 0.8" in text
    assert "nobody has told yet" in sentences.anchor_words(None, negatives, None)


def test_a_warning_comes_where_the_encoder_is_weak_and_only_there(view: AuditView) -> None:
    """Chance, raw pixels, few steps from random weights, and a collapse; a pretrained encoder needs no steps."""
    good = sk.BesidePixels(100, 0.8, 0.5)
    assert sentences.weakness(view, CARD, good) == ""
    assert "raw pixels" in sentences.weakness(view, CARD, sk.BesidePixels(100, 0.5, 0.5))
    assert "4 steps" in sentences.weakness(view, replace(CARD, steps=4), good)
    assert sentences.weakness(view, replace(CARD, steps=4, is_pretrained=True), good) == ""
    assert "collapsed" in sentences.weakness(view, replace(CARD, is_collapsed=True), None)
    by_chance = AuditView(replace(view.report, base_rate=0.9))
    assert "no better than chance" in sentences.weakness(by_chance, CARD, good)
