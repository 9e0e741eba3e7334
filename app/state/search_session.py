"""The present query of a session, which survives a change of page."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.state.query import Query

WORDS = "words"
"""Key of the field of words, which is emptied when an image is chosen."""


def present_query(library: Library) -> Query | None:
    """The query of this session, else the one that the address names (`?id=train/00005`)."""
    query: Query | None = st.session_state.get("query")
    if query is not None and query.id is not None and query.id not in library.positions:
        query = None
    linked = st.query_params.get("id")
    if query is None and linked in library.positions:
        query = Query(linked, linked, library.label(linked))
        st.session_state["query"] = query
    return query


def choose(library: Library, id_: str) -> None:
    """Makes an image of the corpus the query."""
    st.session_state[WORDS] = ""
    st.session_state["query"] = Query(id_, id_, library.label(id_))


def choose_upload(name: str, content: bytes) -> None:
    """Makes an uploaded file the query."""
    st.session_state[WORDS] = ""
    st.session_state["query"] = Query(name, upload=content)


def choose_words(words: str) -> None:
    """Makes words the query; none of them leave the page without one."""
    st.session_state["query"] = Query(words, words=words) if words.strip() else None
