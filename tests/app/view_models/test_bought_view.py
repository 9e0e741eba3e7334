"""What answers have bought, in figures and words, without a page."""

from __future__ import annotations

from typing import Any

import pytest

import samekind as sk
from samekind.app.view_models import bought_view, charts
from samekind.app.view_models.bought_view import Bought
from samekind.training.answers.guard import HeldOut

PNG = b"\x89PNG"


def step(answers: int, after: float, before: float = 0.7, error: float = 0.034) -> dict[str, Any]:
    """One adaptation, as `Index.adaptations` gives it."""
    return {"answers": answers, "held_out": {"groups": 6, "before": before, "after": after, "error": error}}


def report(adapted: bool, version: int | None) -> sk.AdaptReport:
    """What adapting said."""
    message = "held-out images are nearer in 81.0 %"
    return sk.AdaptReport(adapted, version, 200, 6, 50, 0, 0, HeldOut(6, 0.7, 0.81, 0.034), message)


@pytest.mark.parametrize(
    ("adapted", "version", "line"),
    [
        (True, 3, "Adapted: held-out images are nearer in 81.0 %."),
        (False, None, "Not adapted: held-out images are nearer in 81.0 %."),
        (False, 3, "Not adapted: held-out images are nearer in 81.0 %. Version 3 stays in force."),
    ],
)
def test_one_line_says_what_came_of_it(adapted: bool, version: int | None, line: str) -> None:
    """And what searches go on with, where the guard says no."""
    assert bought_view.outcome(report(adapted, version)) == line


def test_undoing_says_what_is_in_force() -> None:
    """The adaptation before, or the encoder's own space."""
    assert bought_view.undone(2) == "Undone: version 2 is in force again. Your answers stay."
    assert bought_view.undone(None) == "Undone: searches see images as the encoder does. Your answers stay."


def test_the_present_answers_are_counted_and_the_last_step_judged() -> None:
    """Answers that say neither same nor different are none."""
    said = [
        ("a", "b", "same"),
        ("b", "c", "duplicate"),
        ("d", "e", "same"),
        ("a", "d", "different"),
        ("a", "f", "unsure"),
    ]
    current = {verdict.pair: verdict for verdict in (sk.Verdict(a * 64, b * 64, verdict) for a, b, verdict in said)}
    found = Bought.of(current, [step(2, 0.75), step(4, 0.8104)])
    assert (found.answers, found.groups, found.images) == (4, 2, 5)
    assert found.held_out() == ("81.0 %", "+11.0 ± 3.4 points", "70.0 %")
    assert Bought.of(current, []).held_out() is None


def test_the_curve_has_its_error_and_the_start_dashed() -> None:
    """And is within the axis with both; one adaptation is no curve."""
    assert charts.bought([step(40, 0.8)]) is None
    figure = charts.bought([step(40, 0.8), step(60, 0.95, 0.72, 0.02)])
    assert figure is not None
    after, before = figure.data
    assert (list(after.x), list(after.y), list(after.error_y.array)) == ([40, 60], [0.8, 0.95], [0.034, 0.02])
    assert (list(before.y), before.line.dash) == ([0.7, 0.72], "dash")
    low, high = figure.layout.yaxis.range
    assert low <= 0.7
    assert high >= 0.97


def test_what_is_new_among_the_neighbours_is_said_in_words() -> None:
    """Neither label nor id is on a card until it is asked for."""
    hits = [sk.Hit(1, "Bag/1.jpg", 0.9, "Bag", ""), sk.Hit(2, "Coat/2.jpg", 0.8, None, "")]
    before = bought_view.neighbour_cards(hits, [PNG] * 2, before=None, revealed=False)
    after = bought_view.neighbour_cards(hits, [PNG] * 2, before=["Bag/1.jpg"], revealed=False)
    assert [card.tone for card in (*before, *after)] == ["plain", "plain", "plain", "chosen"]
    assert [card.pictures[0].alt for card in (*before, *after)][::3] == ["neighbour 1 before", "neighbour 2 after, new"]
    assert not any(word in str(card.to_data()) for card in (*before, *after) for word in ("Bag", "Coat", ".jpg"))
    shown = bought_view.neighbour_cards(hits, [PNG] * 2, before=None, revealed=True)
    assert [card.lines for card in shown] == [("Bag",), ("no label",)]
    assert shown[0].pictures[0].alt == "neighbour 1 before, image Bag/1.jpg, Bag"
    ids = [hit.id for hit in hits]
    assert bought_view.row_words(ids, None) == "Before"
    assert bought_view.row_words(ids, ["Bag/1.jpg", "x"]) == "After: 1 of 2 new"
    assert bought_view.row_words(ids, ids) == "After: the same images"


def test_what_more_answers_are_worth_is_a_sentence() -> None:
    """A forecast with its error, the doubt where that is larger, or why there is none yet; nothing before the first adaptation."""
    assert bought_view.worth_sentence([]) == ""
    assert "half as many again" in bought_view.worth_sentence([step(100, 0.75)])
    clear = bought_view.worth_sentence([step(100, 0.75, error=0.001), step(200, 0.8, error=0.001)])
    assert clear.startswith("100 more answers: +2.9 ± 0.1 points of held-out images, if")
    assert "cannot be told" in bought_view.worth_sentence([step(100, 0.75), step(200, 0.76)])
