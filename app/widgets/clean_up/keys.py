"""The line above a list of *Clean up*: what its keys do, a button that passes over an entry, and one that takes the last answer back."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.labeling import cleaning_keys, cleaning_session
from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain


def show(library: Library, which: str, words: str, current: str | None) -> None:
    """Draws the line. It stands above the page of entries, so that the last answer can be taken back when its entry is not shown.

    Args:
        library: the opened index.
        which: list, as in `cleaning_keys`.
        words: what the keys do, as Markdown.
        current: the entry that the keys answer; `None` if none is open.
    """
    work = cleaning_keys.work(library, which)
    if current is not None:
        st.caption(words)
    if current is None and not work.own and not work.taken_back:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Undo",
            icon=":material/undo:",
            key=f"undo last {which}",
            shortcut="u",
            disabled=not work.own,
            on_click=cleaning_session.undo_last,
            args=(library, which),
        )
        if current is not None:
            st.button(
                "Skip",
                icon=":material/skip_next:",
                key=f"skip {which} {current}",  # a second press must not skip what nobody has seen yet
                shortcut="s",
                on_click=work.skip,
                args=(current,),
            )
        if work.taken_back:
            st.caption(plain(f"Taken back: {work.taken_back}"))
        elif work.own:
            st.caption(plain(f"Undo takes back: {work.own[-1].words}"))
