"""Batch size, augmentation and hardness on the corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from samekind.app.state.ideas import Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.ideas import drawings
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets import waiting
from samekind.app.widgets.ideas import parts
from samekind.core.text import percent

if TYPE_CHECKING:
    from samekind import ideas

BETAS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
DRAWN, SHOWN = 255, 10
DRAW, DRAWS = "ideas_draw", 1000
"""Key of how often views were drawn, which begins again at 1000."""


def show(words: Words, library: Library) -> list[str]:
    """Draws the three parts, each with its own sentence."""
    sample = parts.sample(words, library)
    if sample is None:
        return []
    st.subheader(words("ingredients.batch_title"), anchor=False)
    _batch(words, library, sample)
    st.subheader(words("ingredients.views_title"), anchor=False)
    _views(words, library, sample)
    st.subheader(words("ingredients.hard_title"), anchor=False)
    _hardness(words, library, sample)
    return []


def _batch(words: Words, library: Library, sample: ideas.CorpusSample) -> None:
    from samekind.app.view_models.ideas import charts

    sizes = tuple(parts.sizes(len(sample), last=parts.MOST_DRAWN))
    figures = library.kept(Ideas).batches(sizes)
    if not figures:
        st.info(words("page.only_one"))
        return
    options = [figure.batch for figure in figures]
    batch = parts.choice(words("ingredients.batch"), options, 256, "ideas_batch")
    figure, base = figures[options.index(batch)], figures[0].false
    # The hardest of one negative is that negative: a batch of two gives the base rate.
    parts.chart(charts.hardest(words, figures, base, batch), "ideas_hardest")
    if base is None or figure.any_false is None:
        st.markdown(words("ingredients.batch_unlabelled", batch=batch, similarity=f"{figure.similarity:.2f}"))
        return
    expected, at_least = f"{base * (batch - 1):.1f}", _chance(figure.any_false)
    values = {"expected": expected, "one": at_least, "hardest": percent(figure.false), "base": percent(base)}
    st.markdown(words("ingredients.batch_here", batch=batch, **values))


def _views(words: Words, library: Library, sample: ideas.CorpusSample) -> None:
    figures, place = library.kept(Ideas), parts.place(len(sample))
    with st.container(horizontal=True):
        parts.another_image(words)
        st.button(words("ingredients.redraw"), icon=":material/refresh:", key="ideas_redraw", on_click=_next_draw)
    seed = parts.turn(DRAW, DRAWS)
    views = waiting.result(lambda: figures.views(place, seed), words("ingredients.views_working"))
    if views is None:
        return
    if not views:
        st.info(words("ingredients.views_none"))
        return
    rows = [(words(f"ingredients.strength_{name}"), each) for name, each in views.items()]
    st.html(drawings.view_rows(rows))
    st.markdown(words("ingredients.views_here"))


def _hardness(words: Words, library: Library, sample: ideas.CorpusSample) -> None:
    from samekind import ideas

    figures, place = library.kept(Ideas), parts.place(len(sample))
    left, right = st.columns(2)
    with left:
        own = library.setting("beta")
        beta = parts.choice(words("ingredients.beta"), BETAS, float(own or 1.0), "ideas_beta")
    with right:
        temperature = parts.temperature(words("picking.temperature"), library, "ideas_hard_temperature")
    negative = (place + np.arange(1, min(DRAWN, len(sample) - 1) + 1)) % len(sample)
    similarity, false = sample.similarity_MM[place, negative], sample.false_MM[place, negative]
    share = ideas.push_shares(similarity, beta, temperature)
    hardest = np.argsort(-similarity, kind="stable")[:SHOWN]
    pictures = figures.thumbnails(negative[hardest].tolist())
    rows = []
    for i, picture in zip(hardest.tolist(), pictures, strict=True):
        rows.append(
            drawings.Bar(picture, figures.name(int(negative[i])), float(share[i]), *parts.mark(words, false[i]))
        )
    title = words("ingredients.push", count=len(negative))
    st.caption(title)
    st.html(drawings.bars(rows, title))
    values = {"beta": f"{beta:g}", "count": len(negative), "hardest": percent(float(share[hardest].sum()))}
    known = false >= 0
    if not share[known].sum():  # the anchor has no label, or none of what is pushed
        st.markdown(words("ingredients.hard_unlabelled", **values))
        return
    # Of what has a label alone: a negative without one is neither of the anchor's class nor of another.
    mass = percent(float(share[false == 1].sum() / share[known].sum()))
    base = percent(float((false[known] == 1).mean()))
    left_out = parts.left_out(words, int((~known).sum()))
    st.markdown(" ".join([words("ingredients.hard_here", **values, false=mass, base=base), *left_out]))


def _chance(share: float) -> str:
    """What rounds to certainty is not called certain."""
    return percent(share) if share < 0.9995 else "> 99.9 %"


def _next_draw() -> None:
    st.session_state[DRAW] = int(st.session_state.get(DRAW, 0)) + 1
