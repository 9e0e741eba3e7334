"""Augmented views of any image, as a training would draw them under each policy."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.ideas import Ideas
from samekind.app.state.library import Library
from samekind.app.view_models.cards import data_uri, plain
from samekind.app.view_models.ideas import drawings
from samekind.app.view_models.search_view import query_card
from samekind.app.widgets import waiting
from samekind.app.widgets.gallery import gallery
from samekind.app.widgets.runs import one_image

VIEWS = 6
KEY, DRAW = "runs_views", "runs_views_draw"

WHAT_THEY_ARE = (
    "Two views of one image are a positive pair: the training pulls them together. So a policy should change what does not matter, and "
    "leave what makes the class."
)


def show(library: Library) -> None:
    """Draws the choice of an image, the image, and six views of it a policy."""
    st.markdown(WHAT_THEY_ARE)
    id_ = one_image.choose(library, KEY)
    if id_ is None:
        return
    st.button("Draw again", icon=":material/refresh:", key="runs_views_again", on_click=_next_draw)
    seed = int(st.session_state.get(DRAW, 0))
    views = waiting.result(lambda: library.kept(Ideas).views_of(id_, seed, VIEWS), "Drawing views …")
    if views is None:
        return
    if not views:
        st.info("There is no picture of this image to draw views of.")
        return
    left, right = st.columns([1, 4], gap="medium")
    with left:
        card = query_card(id_, library.label(id_), data_uri(library.index.thumbnail(id_)))
        gallery([card], key="runs_views_card", label="the image", card_width=120)
    with right:
        st.html(drawings.view_rows(list(views.items())))
        strength = library.setting("strength")
        if strength in views:
            st.caption(plain(f"This run was trained with the policy {strength}."))
        else:
            st.caption("This run was not trained here, so it has no policy of its own.")


def _next_draw() -> None:
    st.session_state[DRAW] = int(st.session_state.get(DRAW, 0)) + 1
