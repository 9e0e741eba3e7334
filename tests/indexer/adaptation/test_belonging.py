"""Who belongs to a group: probabilities by hand, and slopes and thresholds held to a slow search."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import logsumexp

from samekind.indexer.adaptation import belonging as module
from samekind.indexer.adaptation.belonging import _loss_of_strangers, fit_belonging, pull_at
from samekind.training.answers.belonging import belonging
from samekind.training.answers.metric import unit_rows


def clusters(
    spread: float, count: int = 4, size: int = 12, dim: int = 8, seed: int = 0
) -> tuple[list[np.ndarray], np.ndarray]:
    """Groups of unit vectors around axes, and their centres."""
    random = np.random.default_rng(seed)
    groups = [
        unit_rows(np.eye(dim)[g] + spread * random.normal(size=(size, dim))).astype(np.float32) for g in range(count)
    ]
    return groups, unit_rows(np.stack([group.mean(axis=0) for group in groups])).astype(np.float32)


def likelihood(
    groups: list[np.ndarray], centres: np.ndarray, strangers: list[np.ndarray], slope: float, threshold: float
) -> float:
    """Log posterior of answers, by loops over images."""

    def share(cosines: list[float], number: int) -> float:
        odds = [math.exp(slope * (cosine - threshold)) for cosine in cosines]
        return odds[number] / (1 + sum(odds))

    total = -0.5 * (math.log(slope / 12) ** 2 + ((threshold - 0.5) / 0.5) ** 2)
    for number, group in enumerate(groups):
        for place, image in enumerate(group):
            cosines = [float(image @ centre) for centre in centres]
            rest = np.delete(group, place, axis=0).astype(np.float64).sum(axis=0)
            cosines[number] = float(rest @ image / np.linalg.norm(rest))
            total += math.log(share(cosines, number))
        total += sum(
            math.log(1 - share([float(image @ centre) for centre in centres], number)) for image in strangers[number]
        )
    return total


def test_probabilities_are_a_softmax_with_a_place_for_none() -> None:
    """Where all cosines are the threshold, each group is as likely as none."""
    np.testing.assert_allclose(belonging(np.full((2, 3), 0.4), 7.0, 0.4), 0.25)
    np.testing.assert_allclose(
        belonging(np.array([[0.9, 0.3]]), 10.0, 0.5), np.exp([[4, -2]]) / (1 + np.exp(4) + np.exp(-2))
    )


def test_the_loss_of_images_told_apart_is_that_of_its_definition() -> None:
    """−log (1 − P) by sums of logarithms, where P is almost 0 or 1, too; its gradient by small steps."""
    logits, told = np.random.default_rng(0).normal(size=(6, 4)) * 8, np.array([0, 1, 2, 3, 0, 1])
    logits[0] = [90.0, -90.0, 0.0, 3.0]
    logits[1] = [90.0, -90.0, 0.0, 3.0]

    def slow(logits: np.ndarray) -> float:
        rest = [np.delete(row, number) for row, number in zip(logits, told, strict=True)]
        return float(
            sum(logsumexp([*row, 0]) - logsumexp([*other, 0]) for row, other in zip(logits, rest, strict=True))
        )

    loss, gradient = _loss_of_strangers(logits, told)
    assert loss == pytest.approx(slow(logits))
    for place in np.ndindex(logits.shape):
        step = np.zeros_like(logits)
        step[place] = 1e-4
        assert gradient[place] == pytest.approx((slow(logits + step) - slow(logits - step)) / 2e-4, abs=1e-6)


@pytest.mark.parametrize("spread", [0.2, 0.5])
def test_slope_and_threshold_are_the_likeliest(spread: float) -> None:
    """No other of a grid is likelier."""
    groups, centres = clusters(spread)
    strangers = [
        unit_rows(centres[g] + np.random.default_rng(g + 1).normal(size=(9, 8))).astype(np.float32) for g in range(4)
    ]
    slope, threshold = fit_belonging(groups, centres, strangers)
    best = likelihood(groups, centres, strangers, slope, threshold)
    grid = [(math.exp(a), b) for a in np.linspace(0, 3.5, 12) for b in np.linspace(-1, 1, 21)]
    nearby = [(slope * f, threshold + d) for f in (0.9, 1, 1.1) for d in (-0.03, 0, 0.03)]
    assert best >= max(likelihood(groups, centres, strangers, *each) for each in grid + nearby) - 1e-4


def test_near_strangers_raise_the_threshold_and_none_lower_it() -> None:
    """Fine groups among much else ask for more than groups that cover everything."""
    groups, centres = clusters(0.2)
    near = [
        unit_rows(centres[g] + 0.3 * np.random.default_rng(g).normal(size=(30, 8))).astype(np.float32) for g in range(4)
    ]
    nobody = [np.empty((0, 8), np.float32)] * 4
    assert fit_belonging(groups, centres, near)[1] > 0.7 > 0.5 > fit_belonging(groups, centres, nobody)[1]


def test_of_many_answers_some_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evenly spread ones, which say nearly the same."""
    groups, centres = clusters(0.4, size=60)
    strangers = [
        unit_rows(centres[g] + np.random.default_rng(g).normal(size=(60, 8))).astype(np.float32) for g in range(4)
    ]
    everything = fit_belonging(groups, centres, strangers)
    monkeypatch.setattr(module, "MOST", 120)
    some = fit_belonging(groups, centres, strangers)
    assert some != everything
    assert some == pytest.approx(everything, rel=0.3)


def test_groups_that_cover_little_pull_little() -> None:
    """Up to half of the way, from half of the corpus on; in proportion below."""
    assert [pull_at(covered) for covered in (0.0, 0.1, 0.25, 0.5, 1.0)] == pytest.approx([0, 0.1, 0.25, 0.5, 0.5])
