"""The choice of one image of the corpus: by a part of its id or class, or any."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models import filters

DRAWN = 200
"""Images among which the button goes on."""


def choose(library: Library, key: str) -> str | None:
    """Draws the field and a button that goes on to another image.

    Args:
        library: whose images these are.
        key: begins the keys of field and button.

    Returns:
        The image's id; `None`, and a sentence, if none has what was typed.
    """
    index = library.index
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input("Id or class contains", key=f"{key}_text", persist_state="session")
        st.button("Another image", icon=":material/casino:", key=f"{key}_next", on_click=_next, args=(key,))
    rows = filters.matching(index.ids, index.labels, index.splits, label=None, split=None, text=text)
    if not rows:
        st.info("No image has that in its id or class.")
        return None
    drawn = filters.sample(rows, DRAWN, 0)
    return index.ids[drawn[int(st.session_state.get(_place(key), 0)) % len(drawn)]]


def _next(key: str) -> None:
    st.session_state[_place(key)] = int(st.session_state.get(_place(key), 0)) + 1


def _place(key: str) -> str:
    return f"{key}_place"
