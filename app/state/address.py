"""Choices that stand in the address, behind the question mark, by names that no language changes.

Streamlit's own binding writes what a control shows, which here depends on the language.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from samekind.app.state import search_session


def follow(key: str, options: Sequence[str], page: str) -> str:
    """The present choice; the address decides where it has changed since it was last seen, and else what was chosen in this session.

    An address without a choice means the first option, as *Back* to the first view does, but not where another page was open in between.

    Args:
        key: of the control, and the name in the address.
        options: names; the first one is what an address without any means.
        page: title of the page that asks.
    """
    named, stayed = st.query_params.get(key), search_session.is_drawn_again(page)
    if named != st.session_state.get(_seen(key)) and (named is not None or stayed):
        st.session_state[key] = named
    if st.session_state.get(key) not in options:
        st.session_state[key] = options[0]
    chosen: str = st.session_state[key]
    return chosen


def write(key: str, options: Sequence[str]) -> None:
    """Makes the address name the choice, unless it is the first option; *Back* then leads to the one before."""
    chosen = st.session_state[key]
    if chosen == options[0]:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != chosen:
        st.query_params[key] = chosen
    st.session_state[_seen(key)] = st.query_params.get(key)


def seen(key: str) -> None:
    """Leaves the address as it is, which names nothing that can be chosen; a choice in this session counts from now on."""
    st.session_state[_seen(key)] = st.query_params.get(key)


def follow_number(key: str, options: Sequence[float], default: float, page: str) -> None:
    """As `follow`, for a control of numbers: puts the present choice into the session's state, before the control is drawn.

    Args:
        key: of the control, and the name in the address.
        options: the numbers that can be chosen.
        default: what an address without any means.
        page: title of the page that asks.
    """
    named, stayed = st.query_params.get(key), search_session.is_drawn_again(page)
    by_name = {_number(option): option for option in options}
    if named != st.session_state.get(_seen(key)) and (named is not None or stayed):
        st.session_state[key] = by_name.get(named or "", default)
    if st.session_state.get(key) not in by_name.values():
        st.session_state[key] = default


def write_number(key: str, default: float) -> None:
    """Makes the address name the chosen number, unless it is the default, as `write`."""
    name = _number(st.session_state[key])
    if name == _number(default):
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != name:
        st.query_params[key] = name
    st.session_state[_seen(key)] = st.query_params.get(key)


def _number(value: float) -> str:
    return f"{value:.10g}"


def _seen(key: str) -> str:
    return f"{key}_seen"
