"""The entry to *Search* at the top of *Overview*: what is dropped, pasted or written there is searched with."""

from __future__ import annotations

import streamlit as st

from samekind.app.state import search_session
from samekind.app.state.library import Library
from samekind.app.widgets import picker
from samekind.app.widgets.search import paste

UPLOAD, WORDS = "overview_upload", "overview_words"
SEARCH = "screens/search.py"
_PASTED = "overview_pasted"


def show(library: Library) -> None:
    """Draws the fields, or leads to *Search* once something was given."""
    with st.container(key="searching"):
        fields = st.columns(2, gap="medium") if library.index.has_text else [st.container()]
        with fields[0]:
            st.file_uploader("Search with images of your own", key=UPLOAD, accept_multiple_files=True)
            paste.show(_pasted)
        words = ""
        if library.index.has_text:
            with fields[1]:
                words = st.text_input(
                    "or say what they should show", placeholder="red shoe", icon=":material/search:", key=WORDS
                ).strip()
    # No callbacks: a session that begins with an upload, after a restart of the server, would not know them.
    if files := picker.files_in(UPLOAD):
        search_session.choose_uploads(files)
    elif words:
        st.session_state[search_session.WORDS] = words
        search_session.choose_words(words)
    if files or words or st.session_state.pop(_PASTED, False):
        st.switch_page(SEARCH)


def _pasted(files: list[tuple[str, bytes]]) -> None:
    search_session.choose_uploads(files)
    st.session_state[_PASTED] = True
