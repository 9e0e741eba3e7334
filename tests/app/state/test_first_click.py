"""The click that begins a session, as after a restart of the server."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest


def page() -> None:
    """A page with a button that counts, and a field."""
    import streamlit as st

    from samekind.app.state import first_click

    first_click.note()
    state = st.session_state
    state["drawn"] = state.get("drawn", 0) + 1

    def count() -> None:
        st.session_state["count"] = st.session_state.get("count", 0) + 1
        st.session_state["field"] = ""  # only before it is drawn

    st.button("Count", key="button", on_click=count)
    st.text_input("Field", key="field")
    first_click.hear()


def begun_by(sent: Callable[[AppTest], list[WidgetState]]) -> AppTest:
    """A session whose first message is that of a page that an earlier session drew."""
    shown = AppTest.from_function(page).run()
    return AppTest.from_function(page)._run(WidgetStates(widgets=sent(shown)))


def test_a_click_that_begins_a_session_is_heard_once() -> None:
    """Its callback is called when the page is known, before anything of it is drawn again; not again at the next press."""
    at = begun_by(lambda shown: [WidgetState(id=shown.button[0].proto.id, trigger_value=True)])
    assert not at.exception
    assert (at.session_state["count"], at.session_state["drawn"]) == (1, 2)
    assert at.run().session_state["count"] == 1
    assert at.button[0].click().run().session_state["count"] == 2


def test_a_session_without_a_click_is_drawn_once() -> None:
    """Also if the browser sends what stands in a field."""
    at = begun_by(lambda shown: [WidgetState(id=shown.text_input[0].proto.id, string_value="boot")])
    assert at.session_state["drawn"] == 1
    assert at.text_input[0].value == "boot"
    assert "count" not in at.session_state
