"""Wilson's interval: statsmodels' closed form by hand, and how often it holds the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from samekind.core.intervals import wilson


@pytest.mark.parametrize(("count", "total"), [(0, 1), (1, 2), (17, 20), (40, 40), (3, 500)])
def test_the_ends_solve_the_equation_of_the_score(count: int, total: int) -> None:
    """Each end p is 1.96 standard errors, at p, away from the share; the interval never leaves [0, 1]."""
    low, high = wilson(count, total)
    assert 0 <= low <= count / total <= high <= 1
    for end in (low, high):
        error = 1.96 * (end * (1 - end) / total) ** 0.5
        assert abs(abs(count / total - end) - error) < 1e-9 or end in (0, 1)


@pytest.mark.parametrize("total", [10, 20, 30, 50])
def test_nineteen_of_twenty_intervals_hold_the_truth(total: int) -> None:
    """By the binomial distribution itself, over shares from 2 to 98 %: 95 % on average, and nowhere far below."""
    ends = np.array([wilson(count, total) for count in range(total + 1)])
    shares = np.linspace(0.02, 0.98, 97)
    holds = (ends[:, :1] <= shares) & (shares <= ends[:, 1:])
    covered = (binom.pmf(np.arange(total + 1)[:, None], total, shares) * holds).sum(axis=0)
    assert covered.mean() == pytest.approx(0.95, abs=0.012)
    assert covered.min() > 0.83
