"""The bound on mutual information, and its cap."""

from __future__ import annotations

import math
from functools import lru_cache

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets.ideas import parts

COUNTS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
DIM = 8


def show(words: Words, library: Library) -> list[str]:
    """Draws controls and figure; returns the sentences on what it means here."""
    from samekind.app.view_models.ideas import charts

    left, right = st.columns(2, gap="medium")
    with left:
        truth = parts.slider(words("bound.truth"), (0.5, 12.0), 4.0, 0.5, "ideas_truth")
    with right:
        count = parts.choice(words("bound.count"), COUNTS, 256, "ideas_bound_count")
    values = bounds(truth)
    parts.chart(charts.bound(words, COUNTS, values, truth, count), "ideas_bound")
    st.caption(words("bound.caption"))
    at, cap = f"{values[COUNTS.index(count)]:.2f}", f"{math.log(count):.2f}"
    st.markdown(words("bound.example", count=f"{count:,}", bound=at, truth=f"{truth:g}", cap=cap))
    return [here(words, library), words("bound.here_false")]


def here(words: Words, library: Library) -> str:
    """The cap of this run, and how near it came; of an encoder from elsewhere what the cap would be."""
    recorded = [epoch for epoch in library.index.history() if epoch.get("mi_bound") is not None and epoch.get("mi_cap")]
    if not recorded:
        total = len(library.index)
        return words("bound.here_unknown", count=f"{total:,}", cap=f"{math.log(total):.2f}")
    last = recorded[-1]
    batch = round(math.exp(last["mi_cap"]))
    return words("bound.here_trained", batch=f"{batch:,}", cap=f"{last['mi_cap']:.2f}", bound=f"{last['mi_bound']:.2f}")


@lru_cache(maxsize=32)
def bounds(truth: float) -> tuple[float, ...]:
    """The bound at each of `COUNTS` for a Gaussian pair of that mutual information; kept for all sessions."""
    from samekind import ideas

    correlation = math.sqrt(-math.expm1(-2 * truth / DIM))
    return tuple(ideas.bound_by_candidates(ideas.GaussianPair(DIM, correlation), COUNTS))
