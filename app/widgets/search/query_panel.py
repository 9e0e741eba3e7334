"""The query on *Search*: its picture, and of an upload what the encoder sees; or the parts of a mixture."""

from __future__ import annotations

import streamlit as st

from samekind.app.state import search_session
from samekind.app.state.library import Library
from samekind.app.state.query import Mixture, Query
from samekind.app.view_models import search_view
from samekind.app.view_models.cards import data_uri
from samekind.app.widgets import notices
from samekind.app.widgets.gallery import gallery
from samekind.app.widgets.search import crop, link, original
from samekind.core.text import counted


def show(library: Library, mixture: Mixture) -> bool:
    """Draws it, and reads what has been uploaded.

    Returns:
        False if a part cannot be read; a line says which and why.
    """
    from samekind import SamekindError

    for part in mixture.parts:
        try:
            if part.is_read:
                library.upload(part)
        except SamekindError as error:
            notices.failure(f"{part.name}: {error}", error.hint)
            if part.upload is not None and part.crop is None:
                search_session.refuse_upload(part)
            return False
    if mixture.is_single:
        _single(library, mixture.like[0])
    else:
        _parts(library, mixture)
    if all(part.id is not None for part in mixture.parts):  # the address holds no uploads and no words
        link.show()
    if left_out := search_session.num_left_out():
        most = search_session.MOST_PARTS
        st.caption(f"{counted(left_out, 'upload')} left out: a query has at most {most} parts.")
    elif search_session.is_full():
        st.caption(f"A query has at most {search_session.MOST_PARTS} parts: take one out to add another.")
    return True


def _single(library: Library, query: Query) -> None:
    if query.words is not None:
        cards = [search_view.words_card(query.words)]
    elif query.id is not None and query.crop is None:
        cards = [search_view.query_card(query.name, query.label, data_uri(library.index.thumbnail(query.id)))]
    else:
        upload = library.upload(query)
        cards = [
            search_view.query_card(query.name, query.label, data_uri(upload.picture)),
            search_view.seen_card(data_uri(upload.seen), upload.seen_side, upload.seen_grey),
        ]
    gallery(cards, key="query_card", label="the query", card_width=140)
    if query.words is None:
        with st.container(horizontal=True):
            crop.show(library, query)
            if query.id is not None:
                st.button("Tags", icon=":material/sell:", key="query_tags", on_click=original.ask, args=(query.id,))
    if query.upload is not None and library.upload(query).seen_grey:
        st.toggle(
            "Invert",
            key=search_session.INVERTED,
            on_change=search_session.invert,
            persist_state="session",
            help="Exchange light and dark: a corpus of bright things on black does not know dark ones on white.",
        )


def _parts(library: Library, mixture: Mixture) -> None:
    ids = [part.id for part in mixture.parts if part.id is not None]
    thumbnails = dict(zip(ids, library.index.thumbnails(ids), strict=True))

    def drawn(part: Query) -> search_view.Part:
        if part.words is not None:
            return part.name, None, None
        picture = library.upload(part).picture if part.is_read else thumbnails[part.id or ""]
        return part.name, part.label, data_uri(picture)

    gallery(
        search_view.part_cards([*map(drawn, mixture.like)], [*map(drawn, mixture.unlike)]),
        key="mixture",
        label="the query: like and unlike",
        on_pick=lambda place: search_session.take_out(int(place)),
        card_width=96,
    )
