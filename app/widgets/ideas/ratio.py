"""The score as a density ratio: of a Gaussian pair, and of the corpus."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from samekind.app.state.ideas import Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets.ideas import parts

GRID = np.linspace(-2.5, 2.5, 41)


def show(words: Words, library: Library) -> list[str]:
    """Draws controls and figure; returns the sentences on what it means here."""
    from samekind.app.view_models.ideas import charts

    rho = parts.slider(words("ratio.correlation"), (-0.9, 0.9), 0.6, 0.1, "ideas_correlation", width=420)
    truth, learned, weight = maps(rho)
    for column, name, values in zip(st.columns(2, gap="medium"), ("truth", "learned"), (truth, learned), strict=True):
        with column:
            st.markdown(f"**{words(f'ratio.{name}')}**")
            parts.chart(charts.ratio_map(words, GRID, values), f"ideas_ratio_{name}")
    st.caption(words("ratio.caption"))
    st.markdown(words("ratio.weights", learned=f"{weight:.2f}", truth=f"{rho / (1 - rho**2):.2f}"))
    st.subheader(words("ratio.corpus"), anchor=False)
    sample = parts.sample(words, library)
    if sample is None:
        return []
    temperature = parts.temperature(words("ratio.temperature"), library, "ideas_score_temperature")
    found = library.kept(Ideas).ratio(temperature)
    parts.chart(charts.ratio_by_cosine(words, found), "ideas_ratio_cosine")
    known = np.flatnonzero(~np.isnan(found.by_label_K))
    at = int(known[-1]) if len(known) else len(found.similarity_K) - 1
    claims = {"cosine": f"{found.similarity_K[at]:.2f}", "by_score": _times(found.by_score_K[at])}
    if not len(known):
        return [words("ratio.here_unlabelled", **claims)]
    return [words("ratio.here", **claims, by_label=_times(found.by_label_K[at]), temperature=f"{temperature:g}")]


@lru_cache(maxsize=32)
def maps(rho: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Log density ratio on `GRID` by `GRID`, in closed form and learned, and the learned weight of x · c; kept for all sessions."""
    import torch

    from samekind import ideas

    pair = ideas.GaussianPair(1, rho)
    score = ideas.fit_bilinear(pair)
    grid = torch.from_numpy(GRID)[:, None]
    return pair.critic(grid, grid).numpy(), score.log_ratio(GRID, GRID), float(score.weight_FF[1, 1])


def _times(value: float) -> str:
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
