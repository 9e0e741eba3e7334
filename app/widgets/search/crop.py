"""A choice of a part of the query's picture, which is then searched with instead."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from samekind.app.state import search_session
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.state.told import told
from samekind.app.view_models.cards import data_uri
from samekind.app.view_models.search.crop_box import of_shares, to_shares

HERE = Path(__file__).parent
KEY = "cropper"
HTML = """
<div class="cropper">
  <p id="how">Drag over the picture, or move the frame with the arrow keys and change its size with Shift and arrow keys.</p>
  <div class="stage" role="group" tabindex="0" aria-describedby="how" aria-label="the part to search with">
    <img alt="the whole picture" draggable="false"><div class="box"></div>
  </div>
  <div class="buttons">
    <button type="button" class="apply">Search with this part</button>
    <button type="button" class="all">Search with all of it</button>
  </div>
</div>
"""


@cache
def _element() -> Callable[..., Any]:
    """Registers the custom element once per process."""
    css, js = ((HERE / f"crop.{suffix}").read_text(encoding="utf-8") for suffix in ("css", "js"))
    element: Callable[..., Any] = st.components.v2.component("samekind_cropper", html=HTML, css=css, js=js)
    return element


def show(library: Library, query: Query) -> None:
    """Draws a button that opens the choice.

    Args:
        library: the opened index.
        query: an image of the corpus or an upload.
    """
    popover = st.popover("Crop", icon=":material/crop:", on_change="rerun", key="crop_open")
    if not popover.open:
        return
    if query.is_read:
        upload = library.upload(query)
        picture, size = upload.whole, upload.size
    else:
        assert query.id is not None
        row = library.index.row(query.id)
        picture, size = library.picture(query.id), (row["width"], row["height"])

    def chosen() -> None:
        drawn = told(KEY, "cropped")
        if drawn is not None:
            search_session.crop(of_shares(drawn["box"], size))

    data = {
        "image": data_uri(picture),
        "box": None if query.crop is None else to_shares(query.crop, size),
        "of": f"{query.name} {query.crop}",
    }
    with popover:
        _element()(data=data, key=KEY, on_cropped_change=chosen)
