"""The original picture of an image of the corpus, with facts and tags, in a dialog over the page."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.cards import alt_text, data_uri
from samekind.app.view_models.search import facts
from samekind.app.widgets import tagging
from samekind.app.widgets.search import large_picture

_ASKED = "original_asked"
SIDE = 1600
"""Longest side in pixels of what is shown; the file itself is there to download."""


def ask(id_: str) -> None:
    """Has the dialog opened in the run that comes next."""
    st.session_state[_ASKED] = id_


def show(library: Library) -> None:
    """Opens the dialog that was asked for, once; whatever closes it draws the page again, whose cards name the tags."""
    id_ = st.session_state.pop(_ASKED, None)
    if id_ is not None and id_ in library.positions:
        st.dialog("The original", width="large", on_dismiss="rerun")(_draw)(library, id_)


def _draw(library: Library, id_: str) -> None:
    row, file = library.index.row(id_), library.index.original(id_)
    large_picture.show(data_uri(library.index.picture(id_, SIDE)), alt_text(id_, row["label"]))
    tagging.of_one(library, id_)
    st.code(facts.of(row, None if file is None else len(file)), language=None, wrap_lines=True)
    if file is not None:
        name = PurePath(row["uri"].partition("#")[0]).name or "picture"
        st.download_button(
            "Download the file",
            file,
            file_name=name,
            icon=":material/download:",
            on_click="ignore",
            key="original_file",
        )
