"""The progress of labeling in figures and sentences, without a page."""

from __future__ import annotations

import itertools

import pytest

import samekind as sk
from samekind.app.view_models import label_pairs_view
from samekind.app.view_models.label_pairs_view import Progress


def verdicts(same: int, different: int, other: str = "unsure") -> dict[tuple[str, str], sk.Verdict]:
    """So many answers on a chain of images, and five others."""
    words = ["same"] * same + ["different"] * different + [other] * 5
    made = [sk.Verdict(f"{i:064x}", f"{i + 1:064x}", verdict) for i, verdict in enumerate(words)]
    return {v.pair: v for v in made}


def test_enough_means_both_kinds() -> None:
    """Twenty of one kind teach nothing, unsure ones do not count, nor do those that contradict each other, a copy is of the same kind."""
    assert Progress.of(verdicts(10, 10)).are_enough
    assert not Progress.of(verdicts(30, 0)).are_enough
    assert not Progress.of(verdicts(0, 30)).are_enough
    assert not Progress.of(verdicts(10, 9)).are_enough
    assert Progress.of(verdicts(0, 15, "duplicate")).are_enough
    torn = sk.Verdict(f"{0:064x}", f"{2:064x}", "different")
    assert not Progress.of({**verdicts(10, 10), torn.pair: torn}).are_enough
    sentence = label_pairs_view.progress_sentence(verdicts(2, 1), 1234)
    assert sentence == (
        "8 pairs answered (2 same kind · 1 different · 5 unsure · 0 wrong label · 0 duplicate), 1,234 left"
    )


def test_the_bar_is_half_full_with_enough_answers() -> None:
    """It grows with every answer, shows the first one, and is full after a good round; twenty of one kind stay below the half."""
    shares = [Progress.of(verdicts(n, 1)).share for n in range(250)]
    assert shares[0] == pytest.approx(1 / 40)
    assert shares[18] < 0.5
    assert shares[19] == 0.5
    assert all(low < high for low, high in itertools.pairwise(shares[:200]))
    assert shares[199] == shares[249] == 1.0
    assert Progress.of(verdicts(100, 0)).share < 0.5
    assert Progress.of({}).share == 0.0


def test_a_sentence_says_how_many_are_enough() -> None:
    """Both goals beforehand, which kind is missing, what is left to a good round, and its end."""
    for few in ({}, verdicts(3, 0), verdicts(10, 9)):
        sentence = Progress.of(few).sentence()
        assert "20 answers of both kinds" in sentence
        assert "200 are a good round" in sentence
        assert "yet" not in sentence
    assert Progress.of(verdicts(20, 0)).sentence().endswith("No *different* yet.")
    assert Progress.of(verdicts(0, 20)).sentence().endswith("No *same kind* yet.")
    assert "175 more make a good round of 200" in Progress.of(verdicts(15, 10)).sentence()
    assert "a good round is done" in Progress.of(verdicts(100, 100)).sentence()
