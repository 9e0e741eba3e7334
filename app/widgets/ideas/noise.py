"""NCE: a curve is learned by telling images from noise."""

from __future__ import annotations

import sys
import time

import streamlit as st

from samekind.app.state.ideas import FITTED, RATIOS, Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets import waiting
from samekind.app.widgets.ideas import parts

SHAPES = {"like": (0.0, 1.2), "broad": (0.0, 4.0), "aside": (3.0, 1.0)}
"""Mean and deviation of the noise, in standard deviations of the data."""
CHART_FIRST = 0.8
"""Seconds in which the browser fetches the script of charts from this process, which then imports torch and answers slowly."""


def show(words: Words, library: Library) -> list[str]:
    """Draws controls and figure; returns the sentences on what it means here."""
    from samekind import ideas

    left, right = st.columns(2, gap="medium")
    with left:
        shape = st.segmented_control(
            words("nce.shape"),
            list(SHAPES),
            default="broad",
            required=True,
            format_func=lambda name: words(f"nce.{name}"),
            key="ideas_noise",
            persist_state="session",
        )
    with right:
        ratio = parts.choice(words("nce.ratio"), RATIOS, 1, "ideas_ratio")
    sample = parts.sample(words, library)
    if sample is None:
        return []
    from samekind.app.view_models.ideas import charts

    figures, noise = library.kept(Ideas), ideas.Noise(*SHAPES[shape])
    if (places := ideas.num_places(figures.data)) < ideas.LEAST_PLACES:
        st.info(words("nce.too_few", places=places, least=ideas.LEAST_PLACES))
        return []
    best = ideas.Noise(0.0, 1.0)
    drawn = left.empty()
    if not figures.has_fitted:  # the first fit brings torch in, which takes 2 s
        with drawn:
            parts.chart(charts.curves(words, figures.data, noise, None, best), "ideas_data")
        if "torch" not in sys.modules:
            time.sleep(CHART_FIRST)
    curve = figures.curve(noise, ratio)
    with drawn:
        parts.chart(charts.curves(words, figures.data, noise, curve, best), "ideas_curves")
    with right:
        errors = waiting.result(lambda: figures.errors(noise), words("nce.working"))
        if errors is not None:
            parts.chart(charts.errors(words, RATIOS, errors, ratio), "ideas_errors")
            st.caption(words("nce.caption"))
    if errors is None:
        return []
    data = words("nce.here_data", count=min(FITTED, len(sample)))
    if curve.has_run_away:
        return [data, words("nce.here_away", ratio=ratio)]
    found = words("nce.here", ratio=ratio, area=f"{curve.area:.2f}", error=f"{curve.error:.3f}")
    last = [words("nce.here_last", last=f"{errors[-1]:.3f}")] if errors[-1] < charts.MOST_ERROR else []
    return [data, found, *last]
