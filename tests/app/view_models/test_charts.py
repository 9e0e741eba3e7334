"""The charts show the figures that they are given."""

from __future__ import annotations

from typing import Any

import pytest

from samekind.app.view_models import charts

BY_RANK: list[dict[str, Any]] = [
    {"rank": 1, "false_negative_rate": 0.8},
    {"rank": 2, "false_negative_rate": None},
    {"rank": 3, "false_negative_rate": 0.5},
]


def epoch(number: int, knn: float | None = 0.8, rates: dict[str, float | None] | None = None) -> dict[str, Any]:
    """One line of `metrics.jsonl`."""
    return {"epoch": number, "knn_accuracy": knn, "false_negative_rate": rates, "base_rate": 0.1 if rates else None}


def test_rate_by_rank_has_the_base_rate_dashed() -> None:
    """The rates are drawn where they are known, the base rate as a dashed level beside them."""
    rates, base = charts.rate_by_rank(BY_RANK, 0.1).data
    assert list(rates.x) == [1, 3]
    assert list(rates.y) == [0.8, 0.5]
    assert list(base.y) == [0.1, 0.1]
    assert base.line.dash == "dash"
    assert rates.line.dash != "dash", "told apart without colour"


def test_training_rates_draw_what_each_epoch_knows() -> None:
    """One line a rank; a rank that no batch was large enough for is left out, and so are epochs without figures."""
    known: dict[str, float | None] = {"1": 0.5, "10": 0.4, "100": None}
    figure = charts.training_rates([epoch(1, rates=known), epoch(2, rates=None), epoch(3, rates=known)])
    assert figure is not None
    assert [line.name for line in figure.data] == ["the hardest", "10 hardest", "by chance"]
    assert all(list(line.x) == [1, 3] for line in figure.data)
    assert len({(line.line.dash, line.marker.symbol) for line in figure.data}) == 3


def test_unknown_curves_are_not_drawn() -> None:
    """Without labels there is neither a rate nor an accuracy to draw."""
    history = [epoch(1, knn=None), epoch(2, knn=None)]
    assert charts.training_rates(history) is None
    assert charts.training_quality(history) is None
    assert charts.training_quality([]) is None


def test_quality_skips_epochs_without_a_measurement() -> None:
    """k-NN accuracy may be measured every few epochs only."""
    figure = charts.training_quality([epoch(1, 0.7), epoch(2, None), epoch(3, 0.8)])
    assert figure is not None
    assert list(figure.data[0].x) == [1, 3]


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ([0.847, 0.849], (0.798, 0.898)),  # noise stays noise
        ([0.9], (0.85, 0.95)),
        ([0.995, 0.99], (0.9, 1.0)),  # no further than all of them
        ([0.01], (0.0, 0.1)),
        ([0.2, 0.7], (0.17, 0.73)),
        ([0.0, 1.0], (0.0, 1.0)),
    ],
)
def test_the_axis_of_accuracies_is_a_tenth_long_at_least(values: list[float], ends: tuple[float, float]) -> None:
    """And never leaves [0, 1]."""
    figure = charts.training_quality([epoch(number, value) for number, value in enumerate(values, start=1)])
    assert figure is not None
    assert list(figure.layout.yaxis.range) == pytest.approx(ends)


def test_the_bound_stands_below_its_dashed_cap() -> None:
    """One line for the bound and one dashed for log K, at the epochs that know them; nothing without a figure."""
    history = [
        {"epoch": 1, "mi_bound": -0.1, "mi_cap": 5.5},
        epoch(2),
        {"epoch": 3, "mi_bound": 2.3, "mi_cap": 5.4},
    ]
    figure = charts.training_bound(history)
    assert figure is not None
    bound, cap = figure.data
    assert list(bound.x) == list(cap.x) == [1, 3]
    assert list(bound.y) == [-0.1, 2.3]
    assert list(cap.y) == [5.5, 5.4]
    assert (bound.line.dash, cap.line.dash) == ("solid", "dash")
    assert "bound" in bound.name
    assert "log K" in cap.name
    assert charts.training_bound([epoch(1)]) is None


def test_heat_map_has_anchors_down_and_negatives_across() -> None:
    """Row = the anchor's class, column = the negative's; small corpora carry the figures, and zeros stay empty."""
    cells, points = charts.class_heat_map(["Bag", "Coat"], [[0.9, 0.1], [0.0, None]]).data
    assert cells.z == ([0.9, 0.1], [0.0, None])
    assert cells.text == (["90", "10"], ["", ""])
    told = list(zip(points.y, points.x, points.customdata, strict=True))
    assert told == [("Bag", "Bag", 0.9), ("Bag", "Coat", 0.1), ("Coat", "Bag", 0.0), ("Coat", "Coat", None)]
    assert points.marker.opacity == 0
    dark = charts.class_heat_map(["Bag"], [[0.0]], is_dark=True).data[0].colorscale
    assert sum(bytes.fromhex(dark[0][1][1:])) < 150 < sum(bytes.fromhex(cells.colorscale[0][1][1:]))
    assert len(charts.class_heat_map([str(i) for i in range(61)], [[0.5] * 61] * 61).data) == 1
    many = [str(i) for i in range(40)]
    assert charts.class_heat_map(many, [[0.5] * 40] * 40).data[0].text is None
