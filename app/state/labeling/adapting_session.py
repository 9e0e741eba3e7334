"""One visitor's wish that the search is adapted while answers come in."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library

ADAPT = "labeling_adapt"
PAIRS_A_STEP = 10
"""One pair says little; a screen is ten."""
_PAIRS = "labeling_pairs_to_adapt"


def after_screen(library: Library) -> None:
    """Adapts the search in the background, unless the visitor does not want it."""
    if st.session_state.get(ADAPT, True):
        library.adapt_later()


def after_pair(library: Library) -> None:
    """As `after_screen`, at every tenth pair."""
    count = st.session_state.get(_PAIRS, 0) + 1
    st.session_state[_PAIRS] = count % PAIRS_A_STEP
    if count == PAIRS_A_STEP:
        after_screen(library)


def undo(library: Library) -> None:
    """Takes the last adaptation back, and stops adapting in this tab: the next answer would bring it again."""
    st.session_state[ADAPT] = False
    library.undo_adaptation_later()
