"""Bars that share a place, on top of each other."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from samekind.indexer.report.charts.axes import Axes, Frame, Series, legend
from samekind.indexer.report.rendering import render


def histogram(layers: Sequence[Series], axes: Axes, width: float, sentence: str) -> Markup:
    """Stacked bars.

    Args:
        layers: lowest first, all with the same x: the bars' left edges.
        axes: titles and formats.
        width: of a bar, in units of x.
        sentence: what is to be seen, for screen readers.
    """
    edges = [x for x, _ in layers[0].points]
    tops = [[0.0] * len(edges)]
    for layer in layers:
        tops.append([low + y for low, (_, y) in zip(tops[-1], layer.points, strict=True)])
    outline = Series("", "", [*zip(edges, tops[-1], strict=True), (edges[-1] + width, 0.0)])
    bars = [
        (layer, x, x + width, bottom, top)
        for layer, low, high in zip(layers, tops[:-1], tops[1:], strict=True)
        for x, bottom, top in zip(edges, low, high, strict=True)
        if top > bottom
    ]
    frame = Frame.around([outline], axes)
    return render("histogram.svg.j2", frame=frame, axes=axes, sentence=sentence, bars=bars, legend=legend(layers))
