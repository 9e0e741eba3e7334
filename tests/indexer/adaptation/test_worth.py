"""What more answers are worth, by the adaptations so far."""

from __future__ import annotations

from math import log2, sqrt
from typing import Any

import pytest

from samekind.indexer.adaptation.worth import worth_of_more


def step(answers: int, gain: float, error: float = 0.01) -> dict[str, Any]:
    """An adaptation that lifted held-out images from 0.7."""
    return {"answers": answers, "held_out": {"before": 0.7, "after": 0.7 + gain, "error": error}}


def test_each_doubling_brings_as_much_as_the_last() -> None:
    """Closed form: gains of 2 points a doubling, forecast for 200 answers more than 200, and for 100."""
    steps = [step(answers, 0.02 * log2(answers / 25)) for answers in (50, 100, 200)]
    doubled, half = worth_of_more(steps, more=200), worth_of_more(steps)
    assert doubled is not None
    assert half is not None
    assert doubled.gain == pytest.approx(0.02)
    assert half.gain == pytest.approx(0.02 * log2(1.5))
    assert (half.more, half.is_clear) == (100, True)


def test_the_error_is_of_the_trend_and_of_measuring_what_comes() -> None:
    """Closed form: of 100, 200 and 400 answers, m₄₀₀ − 2 m₂₀₀ + m₁₀₀, whose errors have a half, a half and a quarter in common."""
    found = worth_of_more([step(100, 0.02), step(200, 0.04, error=0.02)], more=200)
    assert found is not None
    alone = 0.02**2 + (2 * 0.02) ** 2 + 0.01**2
    shared = -(0.02 * 2 * 0.02) / 2 - (2 * 0.02 * 0.01) / 2 + (0.02 * 0.01) / 4
    assert found.error == pytest.approx(sqrt(alone + 2 * shared))


def test_what_a_few_answers_bring_is_nearly_certain_to_be_little() -> None:
    """Nearly all that is measured then has been measured already."""
    steps = [step(100, 0.02), step(200, 0.04)]
    few, many = worth_of_more(steps, more=1), worth_of_more(steps, more=200)
    assert few is not None
    assert many is not None
    assert 0 < few.error < 0.002 < many.error


def test_the_last_doubling_counts_and_not_the_first() -> None:
    """Much at first and nothing lately is nothing to come; an adaptation close to the last one says little and is passed over."""
    steps = [step(20, 0.0), step(100, 0.1), step(190, 0.3), step(200, 0.1)]
    found = worth_of_more(steps)
    assert found is not None
    assert found.gain == pytest.approx(0.0)
    assert not found.is_clear


@pytest.mark.parametrize(
    "steps", [[], [step(200, 0.1)], [step(150, 0.05), step(200, 0.1)], [step(0, 0.0), step(200, 0.1)]]
)
def test_nothing_is_forecast_from_too_little(steps: list[dict[str, Any]]) -> None:
    """One adaptation, or two of nearly as many answers."""
    assert worth_of_more(steps) is None


def test_fewer_answers_than_before_are_no_growth() -> None:
    """After answers were withdrawn the earlier adaptations had more."""
    assert worth_of_more([step(400, 0.1), step(200, 0.05)]) is None
