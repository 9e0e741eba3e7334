"""Lines over numbers."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from samekind.indexer.report.charts.axes import Axes, Frame, Series, legend
from samekind.indexer.report.rendering import render


def line_chart(series: Sequence[Series], axes: Axes, sentence: str) -> Markup:
    """Curves with points; one without any point is left out, and a curve of class `level` has none drawn.

    Args:
        series: the curves, at least one with a point.
        axes: titles and formats.
        sentence: what is to be seen, for screen readers.
    """
    drawn = [one for one in series if one.points]
    frame = Frame.around(drawn, axes)
    return render("line_chart.svg.j2", frame=frame, axes=axes, sentence=sentence, series=drawn, legend=legend(drawn))
