"""The learning rate's schedule."""

from __future__ import annotations

from itertools import pairwise

import pytest

from samekind.training.engine.schedule import warmup_cosine


def test_the_schedule_rises_to_one_and_falls_towards_zero() -> None:
    """Linear rise over the warm-up, then monotone decay; never 0, so that every step counts."""
    factors = [warmup_cosine(step, 100, 0.1) for step in range(100)]
    assert factors[:10] == pytest.approx([0.1 * i for i in range(1, 11)])
    assert all(a > b for a, b in pairwise(factors[9:]))
    assert 0 < factors[-1] < 0.001
    assert warmup_cosine(0, 1, 0.0) == 1.0
