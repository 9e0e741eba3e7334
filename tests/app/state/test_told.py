from __future__ import annotations

from streamlit.testing.v1 import AppTest


def test_an_element_that_is_not_on_this_page_has_told_nothing() -> None:
    """A click on a card of the map that reaches the page Search, where that gallery is not, raises nothing."""

    def page() -> None:
        import streamlit as st

        from samekind.app.state.told import told

        st.session_state["here"] = {"picked": "train/1"}
        st.text([told("here", "picked"), told("here", "acted"), told("gone", "picked")])

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    assert shown.text[0].value == "['train/1', None, None]"
