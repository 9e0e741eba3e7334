"""The present query of a session, which survives a change of page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.state.query import Query

WORDS = "words"
"""Key of the field of words, which is emptied when an image is chosen."""


INVERTED = "inverted"
"""Key of the switch that exchanges light and dark."""
FORMER_KEYS = frozenset(("id", "words", "k", "where_class", "where_split", "leave_out_itself", "adapted"))
"""What an address of *Search* held while that page was at the root."""
_SEEN = "address_seen"
PAGE = "page_drawn"
"""Key of the title of the page that was drawn last."""
_REFUSED, _REFUSED_QUERY = "uploads_refused", "upload_refused"
_LATER = "do_later"


def is_addressed() -> bool:
    """True if the address names a query, or a setting of *Search*, which was at the root once."""
    return not FORMER_KEYS.isdisjoint(st.query_params)


def page_drawn(title: str) -> None:
    """Notes which page is drawn, so that one that is come back to is told from an address that has changed."""
    st.session_state[PAGE] = title


def is_drawn_again(title: str) -> bool:
    """True if that page was the last one that was drawn."""
    return bool(st.session_state.get(PAGE) == title)


def has_drawn() -> bool:
    """True if this session has drawn a page before.

    A browser whose server was started anew sends what its visitor does to a session that has drawn nothing. Streamlit knows none of its
    callbacks then, and calls none.
    """
    return PAGE in st.session_state


def do_later(act: Callable[[], None], title: str) -> None:
    """Draws the page again, and does this first: a field that has been drawn may not be changed."""
    st.session_state[_LATER] = act
    page_drawn(title)
    st.rerun()


def do_what_was_left() -> None:
    """Does what `do_later` was given, once."""
    act: Callable[[], None] | None = st.session_state.pop(_LATER, None)
    if act is not None:
        act()


def present_query(library: Library, page: str) -> Query | None:
    """The query of this session, or the one that the address names (`?id=train/00005`) if that has changed since it was last seen.

    An address without a query takes it away, as *Back* to the first view does, but not where another page was open in between.

    Args:
        library: the opened index.
        page: title of the page that asks.
    """
    named, stayed = st.query_params.get("id"), is_drawn_again(page)
    if named != st.session_state.get(_SEEN) and (named is not None or stayed):
        st.session_state[WORDS] = ""
        st.session_state["query"] = None if named is None else Query(named, named)
    query: Query | None = st.session_state.get("query")
    if query is not None and query.id is not None:
        if query.id not in library.positions:
            return None
        query = replace(query, label=library.label(query.id))
    return query


def unknown_id(library: Library) -> str | None:
    """The image that the address names, if the corpus does not have it."""
    named = st.query_params.get("id")
    return named if named is not None and named not in library.positions else None


def write_address(query: Query | None) -> None:
    """Makes the address name the query, where it is an image of the corpus; *Back* then leads to the one before."""
    named = None if query is None else query.id
    if named is not None and st.query_params.get("id") != named:
        st.query_params["id"] = named
    elif named is None and query is not None:
        st.query_params.pop("id", None)
    st.session_state[_SEEN] = st.query_params.get("id")


def address() -> str:
    """The whole address of what is shown; whoever opens it sees the same."""
    return f"{(st.context.url or '').partition('?')[0]}?{urlencode(st.query_params.to_dict())}"


def invert() -> None:
    """Exchanges light and dark of the upload that is the query, or takes that back, as the switch says."""
    st.session_state["query"] = replace(st.session_state["query"], inverted=st.session_state[INVERTED])


def choose(library: Library, id_: str) -> None:
    """Makes an image of the corpus the query."""
    st.session_state[WORDS] = ""
    st.session_state["query"] = Query(id_, id_, library.label(id_))


def choose_upload(name: str, content: bytes) -> None:
    """Makes an uploaded file the query."""
    st.session_state[WORDS] = ""
    st.session_state[INVERTED] = False
    st.session_state["query"] = Query(name, upload=content)


def upload_key() -> str:
    """Key of the field for uploads: a new one after a refused file, whose name would otherwise stay in the field as if it were in use."""
    refused = st.session_state.get(_REFUSED, 0)
    return f"upload {refused}" if refused else "upload"


def refuse_upload(query: Query) -> None:
    """Empties the field for uploads after one that cannot be read, once however often that is found."""
    if st.session_state.get(_REFUSED_QUERY) is not query:
        st.session_state[_REFUSED_QUERY] = query
        st.session_state[_REFUSED] = st.session_state.get(_REFUSED, 0) + 1


def choose_words(words: str) -> None:
    """Makes words the query; none of them leave the page without one."""
    st.session_state["query"] = Query(words, words=words) if words.strip() else None
