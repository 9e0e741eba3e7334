"""CPC: which patch predicts which, drawn on an image of the corpus."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.ideas import GRID_SIDE, STEPS, Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.ideas import drawings
from samekind.app.view_models.ideas.texts import Words
from samekind.app.widgets import waiting
from samekind.app.widgets.ideas import parts
from samekind.core.text import percent


def show(words: Words, library: Library) -> list[str]:
    """Draws controls and figure; returns the sentences on what it means here."""
    from samekind import ideas
    from samekind.app.view_models.ideas import charts

    grid, figures = ideas.PatchGrid.of(GRID_SIDE), library.kept(Ideas)
    left, right = st.columns(2, gap="medium")
    with left:
        row = parts.choice(words("patches.row"), range(1, grid.size + 1), 3, "ideas_row")
        column = parts.choice(words("patches.column"), range(1, grid.size + 1), 4, "ideas_column")
        step = parts.choice(words("patches.step"), range(1, STEPS + 1), 2, "ideas_step")
        parts.another_image(words)
    count = min(len(library.index), parts.MOST_DRAWN)
    text = words("page.sampling", count=f"{count:,}", total=f"{len(library.index):,}")
    sample = waiting.result(lambda: figures.sample, text)
    if sample is None:
        return []
    image = figures.image(parts.place(len(sample)))
    legend = (words("patches.seen"), words("patches.at"), words("patches.target"))
    with right:
        st.html(drawings.patch_picture(image, grid, row - 1, column - 1, step, legend))
        if grid.target(row - 1, column - 1, step) is None:
            st.caption(words("patches.outside", row=row + step))
        if image is None:
            st.caption(words("page.no_pictures"))
    shape = {"grid": grid.size, "predictions": grid.num_predictions()}
    hits = waiting.result(lambda: figures.hits, words("patches.working"))
    if hits is None or hits.images < 2:
        return [words("patches.here_one", **shape)]
    chance = 1 / hits.images
    with left:
        st.caption(words("patches.hits", images=hits.images))
        parts.chart(charts.hits(words, hits.share_K, chance, step).update_layout(height=220), "ideas_hits")
    shares = {"hits": percent(hits.share_K[step - 1]), "chance": percent(chance)}
    values = {"images": hits.images, "step": step, **shares}
    return [words("patches.here", **shape, **values), words("patches.here_overlap")]
