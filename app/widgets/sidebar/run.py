"""The run that is looked at: which it is, and a choice of others."""

from __future__ import annotations

import streamlit as st

from samekind.app.state import runs
from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain
from samekind.core.text import one_line


def picker(page: str) -> None:
    """Draws the choice of a run, where there are several, and a line where the address names one that is not there.

    Args:
        page: title of the page that is about to be drawn.
    """
    unknown, names, chosen = runs.follow_address(page), runs.names(), runs.chosen_name()
    if unknown is not None:
        st.warning(plain(f"There is no run here of the name in the address: {unknown}"), icon=":material/link_off:")
    if len(names) > 1 or (names and chosen not in names):
        options = names if chosen in names else [chosen, *names]
        st.session_state[runs.PICKER] = chosen
        st.selectbox("Run", options, format_func=one_line, key=runs.PICKER, on_change=runs.choose)


def card(library: Library) -> None:
    """Draws a button that opens the facts about the run, with one that copies them."""
    from samekind import run_card

    opened = st.popover("This run", icon=":material/info:", on_change="rerun", key="run_card")
    if opened.open:
        with opened:
            st.caption("What made this index. The button at the corner copies it as text.")
            st.code(run_card(library.index).to_text(), language=None, wrap_lines=True)
