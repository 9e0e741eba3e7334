"""The first thing that a visitor does after a restart of the server.

Their browser still shows the page, and sends the click to a session that has drawn nothing: Streamlit knows no button and no callback
then. Once the page is drawn it does, and the same click is heard again.
"""

from __future__ import annotations

import streamlit as st
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.runtime.scriptrunner import RerunData, RerunException, get_script_run_ctx

BEGUN, HELD = "session_begun", "first_click"
"""Keys of the session that say so; they stay whatever run is looked at."""


def note() -> None:
    """Remembers what the browser has sent to a session that begins, if a click is among it; asked for before anything is drawn."""
    context = get_script_run_ctx()
    if context is None or st.session_state.get(BEGUN, False):
        return
    st.session_state[BEGUN] = True
    sent = context.session_state.get_widget_states()
    if any(_is_click(each) for each in sent):
        st.session_state[HELD] = sent


def is_noted() -> bool:
    """True if there is such a click, and it was not heard yet."""
    return HELD in st.session_state


def hear() -> None:
    """Draws the page again with that click, once; asked for when all is drawn."""
    context, sent = get_script_run_ctx(), st.session_state.pop(HELD, None)
    if context is not None and sent is not None:
        # As the browser would send it once more; `st.rerun` takes nothing along.
        widgets = WidgetStates(widgets=sent)
        raise RerunException(RerunData(context.query_string, widgets, context.page_script_hash))


def _is_click(state: WidgetState) -> bool:
    """True for what holds for one run only."""
    kind = state.WhichOneof("value")
    return kind in ("trigger_value", "json_trigger_value", "string_trigger_value") and bool(getattr(state, kind))
