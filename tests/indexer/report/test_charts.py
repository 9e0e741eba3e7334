"""Charts: marks lie where their values say."""

from __future__ import annotations

import re

import pytest

from samekind.indexer.report.charts.axes import Axes, Series, ticks
from samekind.indexer.report.charts.histogram import histogram
from samekind.indexer.report.charts.line_chart import line_chart


def test_charts_place_what_they_are_given() -> None:
    """A line's ends lie at the plot's edges; bars that stack end where the next begins; a single point is no division by zero."""
    axes = Axes("x", "y")
    chart = line_chart([Series("one", "false", [(1, 0.0), (3, 1.0)]), Series("none", "other", [])], axes, "says <so>")
    assert 'points="60.0,236.0 506.0,' in chart
    assert "none" not in chart
    assert "says &lt;so&gt;" in chart
    assert "circle" in line_chart([Series("one", "false", [(1, 0.5)])], axes, "")
    bars = histogram([Series("a", "false", [(0, 2), (1, 0)]), Series("b", "other", [(0, 1), (1, 4)])], axes, 1, "")
    boxes = [tuple(map(float, box)) for box in re.findall(r'y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', bars)]
    (low, tall), (above, more), _ = boxes
    assert low == pytest.approx(above + more, abs=0.11)
    assert tall == pytest.approx(2 * more, abs=0.2)
    shares = Axes("x", "y", zero=False, share=True)
    near_level = line_chart([Series("one", "quality", [(1, 0.849), (2, 0.847)])], shares, "")
    (first, last) = re.findall(r'cy="([\d.]+)"', near_level)
    assert float(last) - float(first) < 10, "a fall of 0.2 points does not look like one"
    full = line_chart([Series("one", "quality", [(1, 1.0), (2, 0.999)])], shares, "")
    assert 'cy="34.0"' in full, "the axis ends at 1"
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(1, 4, 10, whole=True) == [1, 2, 3, 4]
