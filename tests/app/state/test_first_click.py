"""The click that begins a session, as after a restart of the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
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


def page_of_a_run() -> None:
    """The same in a session whose address names a run: what belongs to the run before is forgotten between the two."""
    import streamlit as st

    from samekind.app.state import first_click, runs, search_session

    first_click.note()
    runs._look_at("another")
    state = st.session_state

    def count() -> None:
        st.session_state[search_session.PAGE] = st.session_state.get(search_session.PAGE, 0) + 1

    st.button("Count", key="button", on_click=count)
    state["counted"] = state.get(search_session.PAGE, 0)
    first_click.hear()


def begun_by(sent: Callable[[AppTest], list[WidgetState]], page: Callable[[], None] = page) -> AppTest:
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


@pytest.mark.parametrize("drawn", [page, page_of_a_run])
def test_a_click_in_a_session_that_goes_on_is_heard_once(drawn: Callable[[], None]) -> None:
    """Whatever the address names; and after a restart once, too."""
    at = AppTest.from_function(drawn).run()
    key = "count" if drawn is page else "counted"
    assert at.button[0].click().run().session_state[key] == 1
    assert at.button[0].click().run().session_state[key] == 2

    def click(shown: AppTest) -> list[WidgetState]:
        return [WidgetState(id=shown.button[0].proto.id, trigger_value=True)]

    assert begun_by(click, drawn).session_state[key] == 1
