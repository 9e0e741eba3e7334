"""Orders of anchors and the words about them, against plain counting over the pairs of a real audit."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import samekind as sk
from samekind.app.view_models import audit_view
from samekind.app.view_models.audit_view import AuditView, Negative

K = 5


@pytest.fixture(scope="module")
def view(artefact: Path) -> AuditView:
    """The audit of the labelled corpus."""
    return AuditView(sk.Index.open(artefact).audit(k=K))


def test_worst_comes_first_and_nobody_is_lost(view: AuditView) -> None:
    """All anchors, by falling number of false negatives, and among equals by falling similarity of these."""
    keys = []
    for anchor in view.worst:
        false = [negative.similarity for negative in view.negatives(anchor) if negative.false]
        keys.append((len(false), sum(false)))
    assert sorted(view.worst) == list(range(view.report.num_anchors))
    assert all(a[0] > b[0] or (a[0] == b[0] and a[1] >= b[1] - 1e-9) for a, b in itertools.pairwise(keys))


def test_closest_orders_by_the_hardest_negative(view: AuditView) -> None:
    """The two images that are most alike come first."""
    hardest = [view.negatives(anchor)[0].similarity for anchor in view.closest]
    assert hardest == sorted(hardest, reverse=True)


def test_a_shuffle_is_a_permutation_that_the_seed_fixes(view: AuditView) -> None:
    """Random order shows every anchor once, and the same order again for the same seed."""
    assert sorted(view.shuffled(0)) == sorted(view.worst)
    assert view.shuffled(0) == view.shuffled(0) != view.shuffled(1)


def test_anchors_of_a_class_are_all_of_it(view: AuditView) -> None:
    """The classes together are all anchors, each in its own class."""
    by_class = {name: view.of_class(name) for name in view.classes}
    assert sorted(anchor for anchors in by_class.values() for anchor in anchors) == sorted(view.worst)
    assert all(view.label(anchor) == name for name, anchors in by_class.items() for anchor in anchors)


def test_anchors_of_a_pair_of_classes(view: AuditView) -> None:
    """Exactly the anchors of one class that met the other, the most similar pair first."""
    for a, b in [("8", "1"), ("3", "3"), ("0", "4")]:
        expected = {}
        for anchor in view.of_class(a):
            met = [negative.similarity for negative in view.negatives(anchor) if negative.label == b]
            if met:
                expected[anchor] = max(met)
        found = view.of_pair(a, b)
        assert set(found) == set(expected)
        assert [expected[anchor] for anchor in found] == sorted(expected.values(), reverse=True)


def test_cards_say_false_negative_in_words_and_colour() -> None:
    """False, true and unknown are three different words; only false ones have the colour."""
    negatives = [
        Negative(1, "a", 0.9, "Bag", True, 0.5),
        Negative(2, "b", 0.8, "Coat", False, 0.25),
        Negative(3, "c", 0.7, None, None, None),
    ]
    false, true, unknown = audit_view.negative_cards(negatives, [b"", b"", b""])
    assert [card.tone for card in (false, true, unknown)] == ["false", "plain", "plain"]
    assert [card.badges[0].text for card in (false, true, unknown)] == [
        "FALSE NEGATIVE",
        "another class",
        "class unknown",
    ]
    assert false.lines == ("similarity 0.900", "gradient 50.0 %", "a")
    assert unknown.lines == ("similarity 0.700", "c")


def test_the_sentence_compares_with_chance() -> None:
    """2 of 3 known negatives are false where 3 · 0.1 would be by chance; without labels nothing is claimed."""
    negatives = [Negative(i, str(i), 0.9, "Bag", false, None) for i, false in enumerate([True, True, False, None])]
    sentence = audit_view.anchor_sentence(negatives, 0.1)
    assert sentence.startswith("2 of these 3 hardest negatives are false")
    assert "0.3" in sentence
    assert audit_view.anchor_sentence(negatives[3:], 0.1) == ""
    assert audit_view.anchor_sentence(negatives, None) == ""
