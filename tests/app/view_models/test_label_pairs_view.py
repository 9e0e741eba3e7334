"""The progress of labeling in figures and sentences, without a page."""

from __future__ import annotations

import pytest

import samekind as sk
from samekind.app.view_models import label_pairs_view
from samekind.app.view_models.label_pairs_view import Progress


def verdicts(same: int, different: int, other: str = "unsure") -> dict[tuple[str, str], sk.Verdict]:
    """So many answers on a chain of images, and five others."""
    words = ["same"] * same + ["different"] * different + [other] * 5
    made = [sk.Verdict(f"{i:064x}", f"{i + 1:064x}", verdict) for i, verdict in enumerate(words)]
    return {v.pair: v for v in made}


def images(*sizes: int) -> dict[tuple[str, str], sk.Verdict]:
    """Groups of so many images, each a chain of `same`."""
    made, start = [], 0
    for size in sizes:
        made += [sk.Verdict(f"{i:064x}", f"{i + 1:064x}", "same") for i in range(start, start + size - 1)]
        start += size
    return {v.pair: v for v in made}


def step(before: float, after: float) -> dict[str, object]:
    """One adaptation, as `Index.adaptations` gives it."""
    return {"answers": 100, "held_out": {"groups": 6, "before": before, "after": after, "error": 0.034}}


def test_answers_are_counted_by_kind() -> None:
    """In the order of the keys, and what is left."""
    sentence = label_pairs_view.progress_sentence(verdicts(2, 1), 1234)
    assert sentence == (
        "8 pairs answered (2 same kind · 1 different · 5 unsure · 0 wrong label · 0 duplicate), 1,234 left"
    )


def test_the_mix_is_said_as_far_as_it_is_known() -> None:
    """A guess before answers have calibrated the probabilities, then the expected number; nothing where nothing is asked."""
    pairs = tuple(
        sk.CandidatePair("a", "b", "a" * 64, "b" * 64, 0.9, None, None, p, None, None) for p in (0.9, 0.8, 0.4, 0.2)
    )
    assert "is a guess" in label_pairs_view.mix_sentence(sk.CandidatePairs(pairs, 9, 0))
    told = label_pairs_view.mix_sentence(sk.CandidatePairs(pairs, 9, 1234))
    assert told == "Of these 4 pairs 2 should be of one kind, by 1,234 answers so far."
    assert label_pairs_view.mix_sentence(sk.CandidatePairs((), 0, 1234)) == ""


def test_a_gain_is_measured_once_there_are_three_groups_of_three() -> None:
    """However many answers there are: those of one screen are one group; a copy of an image is none more."""
    assert not Progress.of({**verdicts(0, 500), **images(21)}, []).can_be_measured
    assert not Progress.of(images(3, 3, 2), []).can_be_measured
    assert Progress.of(images(3, 3, 3), []).can_be_measured
    copies = images(3, 3, 3)
    pair = next(iter(copies))
    assert not Progress.of({**copies, pair: sk.Verdict(*pair, "duplicate")}, []).can_be_measured
    first, _, third = (f"{i:064x}" for i in range(3))
    torn = sk.Verdict(first, third, "different")
    assert not Progress.of({**images(3, 3, 3), torn.pair: torn}, []).can_be_measured


def test_the_bar_is_half_full_when_a_gain_can_be_measured_and_full_when_there_is_one() -> None:
    """It shows the first group, and no number of answers fills it without a gain."""
    shares = [Progress.of(images(*sizes), []).share for sizes in ((), (2,), (3,), (3, 2), (3, 3), (3, 3, 3), (40,) * 9)]
    assert shares == pytest.approx([0, 1 / 9, 1 / 6, 5 / 18, 1 / 3, 1 / 2, 1 / 2])
    assert Progress.of(images(50), []).share == pytest.approx(1 / 6)
    assert Progress.of(images(3, 3, 3), [step(0.7, 0.81)]).share == 1


def test_a_sentence_says_what_is_missing_and_what_was_gained() -> None:
    """Groups first, then a gain, then its figures: those of the adaptation in force."""
    assert (
        "With 3 groups of 3 images of the same kind it can be measured whether answers help (1 so far)"
        in Progress.of(images(9, 2), []).sentence()
    )
    assert Progress.of(images(3, 3, 3), []).sentence().startswith("Enough answers to measure")
    paid = Progress.of(images(3, 3, 3), [step(0.7, 0.75), step(0.7, 0.81)])
    assert "other kinds in 81.0 % of comparisons, 70.0 % before (± 3.4 points)" in paid.sentence()
    assert (paid.has_gained, Progress.of(images(3, 3, 3), []).has_gained) == (True, False)
