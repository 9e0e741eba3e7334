"""Sentences of the page *Clean up* about its list, without a page."""

from __future__ import annotations

import numpy as np
import pytest

import samekind as sk
from samekind.app.view_models import curation_view


def test_without_answers_the_precision_is_at_most_what_is_usual() -> None:
    """3.3 % wrong labels, all of them listed; nothing where that is as many as are listed, copies left out."""
    few = sk.LabelIssues((), num_issues=30, num_conflicts=10, num_evaluated=1000)
    assert curation_view.precision_sentence(few) == ""
    many = sk.LabelIssues((), num_issues=660, num_conflicts=330, num_evaluated=1000)
    assert "at most 10 % of them" in curation_view.precision_sentence(many)
    assert curation_view.precision_sentence(sk.LabelIssues((), 10, 10, 1000)) == ""


@pytest.mark.parametrize(("count", "total"), [(0, 10), (3, 10), (10, 10), (200, 1000)])
def test_the_interval_is_wilsons(count: int, total: int) -> None:
    """The shares that are not 1.96 standard errors of their own away."""
    low, high = curation_view.wilson(count, total)
    grid = np.linspace(0, 1, 100_001)
    inside = grid[np.abs(count / total - grid) <= 1.96 * np.sqrt(grid * (1 - grid) / total) + 1e-9]
    assert (low, high) == pytest.approx((inside.min(), inside.max()), abs=1e-4)
