"""The entry to *Search* at the top of *Overview*: what is dropped, pasted or written there is searched with, and its neighbours are shown."""

from __future__ import annotations

import streamlit as st

from samekind.app.state import search_session
from samekind.app.state.library import Library
from samekind.app.widgets import picker
from samekind.app.widgets.search import paste

UPLOAD, WORDS = "overview_upload", "overview_words"
SEARCH = "screens/search.py"
_GIVEN = "overview_given"


def show(library: Library) -> None:
    """Draws the fields, or leads to *Search* once something was given."""
    if st.session_state.pop(_GIVEN, False):
        st.switch_page(SEARCH)
    with st.container(key="searching"):
        fields = st.columns(2, gap="medium") if library.index.has_text else [st.container()]
        with fields[0]:
            st.file_uploader(
                "Search with images of your own", key=UPLOAD, on_change=_uploaded, accept_multiple_files=True
            )
            paste.show(_search)
        if library.index.has_text:
            with fields[1]:
                st.text_input(
                    "or say what they should show",
                    placeholder="red shoe",
                    icon=":material/search:",
                    key=WORDS,
                    on_change=_described,
                )


def _uploaded() -> None:
    if files := picker.files_in(UPLOAD):
        _search(files)


def _described() -> None:
    words = str(st.session_state.get(WORDS) or "")
    if words.strip():
        st.session_state[search_session.WORDS] = words
        search_session.choose_words(words)
        st.session_state[_GIVEN] = True


def _search(files: list[tuple[str, bytes]]) -> None:
    search_session.choose_uploads(files)
    st.session_state[_GIVEN] = True
