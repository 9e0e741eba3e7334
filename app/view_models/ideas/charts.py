"""Charts of the page *Ideas*, as Plotly figures; their words come from the caller, in the page's language.

Colours mean what they mean on the other pages (`view_models.charts`): vermilion for false negatives and what is wrong, teal for what was
learned, violet for the bound, grey and dashed for what a curve is held against. Lines and marks differ as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.app.view_models.charts import BOUND_COLOUR, FALSE_COLOUR, LEVEL_COLOUR, QUALITY_COLOUR
from samekind.app.view_models.ideas.texts import Words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from samekind import ideas

SPAN = 5.0
"""Standard deviations to each side of the chart of NCE."""
MOST_ERROR = 5.0
"""Error from which on a curve has run away: half of an area of 10."""
_HEIGHT = 320
_TALLEST = 1.2  # of a density axis: a curve that went astray would flatten all others
_GRID = np.linspace(-SPAN, SPAN, 201)
_DIVERGING = [(0.0, "#1c7ed6"), (0.5, "#f1f3f5"), (1.0, "#d9480f")]
_MOST_LOG = 3.0


def curves(
    words: Words, data_T: NDArray[np.float64], noise: ideas.Noise, curve: ideas.BellCurve | None, best: ideas.Noise
) -> go.Figure:
    """Data, noise, the curve of maximum likelihood, and the learned one, if it is there by now."""
    figure = _figure(words("nce.x"), words("nce.density"))
    heights, edges = np.histogram(data_T, bins=40, range=(-SPAN, SPAN))
    density = heights / max(len(data_T), 1) / (edges[1] - edges[0])
    figure.add_bar(
        x=_list((edges[1:] + edges[:-1]) / 2),
        y=_list(density),
        name=words("nce.data"),
        marker={"color": LEVEL_COLOUR, "opacity": 0.45},
    )
    _line(figure, _GRID, noise.density(_GRID), words("nce.noise"), FALSE_COLOUR, "dot")
    _line(figure, _GRID, best.density(_GRID), words("nce.best"), LEVEL_COLOUR, "dash")
    highest = max(0.5, float(density.max()))
    if curve is not None:
        height = curve.density(_GRID)
        _line(figure, _GRID, np.minimum(height, 9.0), words("nce.fitted"), QUALITY_COLOUR, "solid")
        highest = max(highest, float(height.max()))
    figure.update_yaxes(range=[0, min(_TALLEST, 1.1 * highest)])
    return figure.update_layout(bargap=0.05)


def errors(words: Words, ratios: Sequence[int], values: Sequence[float], chosen: int) -> go.Figure:
    """Median error of the learned curve by ν, the chosen one marked; where most curves ran away, the line has a gap."""
    shown = [value if value < MOST_ERROR else math.nan for value in values]
    figure = _powers(_figure(words("nce.ratio_axis"), words("nce.error_axis")), ratios)
    _line(figure, ratios, shown, words("nce.error"), FALSE_COLOUR, "solid", "lines+markers")
    figure.update_yaxes(rangemode="tozero")
    return _at(figure, chosen).update_layout(showlegend=False)


def ratio_map(words: Words, grid: NDArray[np.float64], values: NDArray[np.float64]) -> go.Figure:
    """Log density ratio over x (up) and c (across), on a scale that is the same in every map."""
    figure = _figure("c", "x")
    figure.add_heatmap(
        x=_list(grid),
        y=_list(grid),
        z=[_list(row) for row in np.clip(values, -_MOST_LOG, _MOST_LOG)],
        colorscale=_DIVERGING,
        zmin=-_MOST_LOG,
        zmax=_MOST_LOG,
        colorbar={"thickness": 10, "title": {"text": words("ratio.scale"), "side": "right"}},
        hovertemplate="c %{x:.1f}<br>x %{y:.1f}<br>%{z:.2f}<extra></extra>",
    )
    return figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8})


def ratio_by_cosine(words: Words, found: ideas.SimilarityRatio) -> go.Figure:
    """How many times likelier a cosine is for two images of one class: by labels, and as the score claims."""
    figure = _figure(words("ratio.cosine"), words("ratio.times"))
    known = ~np.isnan(found.by_label_K)
    _line(figure, found.similarity_K, found.by_score_K, words("ratio.by_score"), QUALITY_COLOUR, "dash")
    if known.any():
        x, y = found.similarity_K[known], found.by_label_K[known]
        _line(figure, x, y, words("ratio.by_label"), FALSE_COLOUR, "solid", "lines+markers")
    values = np.concatenate([found.by_score_K, found.by_label_K[known & (found.by_label_K > 0)]])
    low, high = (math.log10(max(float(edge), 1e-3)) for edge in (values.min(), values.max()))
    figure.update_yaxes(type="log", dtick=1, range=[max(low, -3) - 0.1, min(high, 4) + 0.1])
    figure.add_hline(y=1, line={"color": LEVEL_COLOUR, "width": 1})
    return figure


def hits(words: Words, shares: Sequence[float], chance: float, chosen: int) -> go.Figure:
    """How often pixels alone pick the right patch, by step."""
    figure = _figure(words("patches.step_axis"), words("patches.hit_axis"))
    steps = list(range(1, len(shares) + 1))
    colours = [QUALITY_COLOUR if step == chosen else LEVEL_COLOUR for step in steps]
    figure.add_bar(x=steps, y=list(shares), marker={"color": colours}, name=words("patches.hit_axis"))
    _line(figure, [0.5, len(steps) + 0.5], [chance, chance], words("patches.chance"), FALSE_COLOUR, "dash")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero").update_xaxes(dtick=1)
    return figure.update_layout(showlegend=False)


def bound(words: Words, counts: Sequence[int], values: Sequence[float], truth: float, chosen: int) -> go.Figure:
    """The bound by N, below the truth and below its cap."""
    figure = _powers(_figure(words("bound.axis"), words("bound.nats")), counts)
    _line(figure, counts, [math.log(count) for count in counts], words("bound.cap"), LEVEL_COLOUR, "dash")
    _line(figure, [counts[0], counts[-1]], [truth, truth], words("bound.level"), FALSE_COLOUR, "dot")
    _line(figure, counts, values, words("bound.bound"), BOUND_COLOUR, "solid", "lines+markers")
    figure.update_yaxes(range=[0, 1.1 * max(truth, math.log(counts[-1]))])
    return _at(figure, chosen)


def hardest(words: Words, figures: Sequence[ideas.BatchFigure], base: float | None, chosen: int) -> go.Figure:
    """By batch size: how probably the hardest negative is false, or, without labels, how similar it is."""
    batches = [figure.batch for figure in figures]
    if base is None:
        drawn = _powers(_figure(words("ingredients.batch_axis"), words("ingredients.hardest_similarity")), batches)
        name = words("ingredients.hardest_similarity")
        _line(drawn, batches, [f.similarity for f in figures], name, QUALITY_COLOUR, "solid", "lines+markers")
        return _at(drawn.update_layout(showlegend=False), chosen)
    drawn = _powers(_figure(words("ingredients.batch_axis"), words("ingredients.share")), batches)
    any_false = [f.any_false or 0.0 for f in figures]
    _line(drawn, batches, any_false, words("ingredients.one_false"), LEVEL_COLOUR, "dot")
    name = words("ingredients.hardest_false")
    _line(drawn, batches, [f.false or 0.0 for f in figures], name, FALSE_COLOUR, "solid", "lines+markers")
    _line(drawn, [batches[0], batches[-1]], [base, base], words("bias.base"), LEVEL_COLOUR, "dash")
    return _at(drawn.update_yaxes(tickformat=".0%", range=[0, 1.02]), chosen)


def losses(words: Words, figures: Sequence[ideas.LossFigure], chosen: int) -> go.Figure:
    """Expected loss by the number of negatives: plain, with true negatives only, and debiased."""
    counts = [figure.num_negatives for figure in figures]
    drawn = _powers(_figure(words("bias.count_axis"), words("bias.loss_axis")), counts)
    _line(drawn, counts, [f.plain for f in figures], words("bias.plain"), FALSE_COLOUR, "solid", "lines+markers")
    _line(drawn, counts, [f.true for f in figures], words("bias.true"), LEVEL_COLOUR, "dash", "lines+markers")
    _line(drawn, counts, [f.debiased for f in figures], words("bias.debiased"), QUALITY_COLOUR, "dot", "lines+markers")
    return _at(drawn, chosen)


def _figure(x: str, y: str) -> go.Figure:
    import plotly.graph_objects as go

    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    layout = {"height": _HEIGHT, "margin": {"l": 8, "r": 8, "t": 36, "b": 8}, "legend": legend, "showlegend": True}
    return go.Figure(layout=layout).update_xaxes(title=x).update_yaxes(title=y)


def _line(
    figure: go.Figure, x: Sequence[Any] | NDArray[Any], y: Sequence[Any] | NDArray[Any], name: str, *style: str
) -> None:
    """Adds a curve; `style` is its colour, its dash and, if there are to be marks, its mode."""
    colour, dash, *mode = style
    line = {"color": colour, "dash": dash, "width": 3}
    figure.add_scatter(x=_list(x), y=_list(y), name=name, mode=mode[0] if mode else "lines", line=line)


def _list(values: Sequence[Any] | NDArray[Any]) -> list[float]:
    return [float(value) for value in values]


def _powers(figure: go.Figure, counts: Sequence[int]) -> go.Figure:
    """A logarithmic axis with a tick at every second count."""
    ticks = list(counts)[:: 1 if len(counts) <= 7 else 2]
    return figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:,}" for tick in ticks])


def _at(figure: go.Figure, chosen: int) -> go.Figure:
    return figure.add_vline(x=chosen, line={"color": LEVEL_COLOUR, "width": 1, "dash": "dot"})
