"""The page *Search*: choose or upload an image, or say in words what to look for, and see its neighbours in the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import basket, search_session
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import filters, search_view
from samekind.app.view_models.cards import data_uri, plain
from samekind.app.widgets import notices, opening, picker
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk


TITLE = "Search"


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    search_session.do_what_was_left()
    query = search_session.present_query(library, TITLE)
    search_session.write_address(query)
    st.title(TITLE, anchor=False)
    picker.words_field(library)
    if query is None:
        if unknown := search_session.unknown_id(library):
            st.warning(
                plain(f"The address names an image that this corpus does not have: {unknown}"),
                icon=":material/link_off:",
            )
        st.markdown(
            "Choose an image of the corpus, or upload one of your own, and see the images that are most similar to it."
        )
    else:
        _results(library, query)
    picker.show(library, query)
    if query is not None and query.id is not None:
        _link()
    if not search_session.has_drawn() and (act := picker.chosen_already(library, "neighbours")) is not None:
        search_session.do_later(act, TITLE)


def _results(library: Library, query: Query) -> None:
    """The query beside its neighbours, or one line with the reason why it cannot be searched with."""
    from samekind import SamekindError

    k, where, leave_out_itself, adapted = _settings(library)
    left, right = st.columns([1, 4], gap="medium")
    try:
        with left:
            st.subheader("Query", anchor=False)
            with st.spinner("Reading …"):
                _query(library, query)
        with right, st.spinner("Searching …"):
            hits = library.neighbours(query, k, where, leave_out_itself, adapted)
    except SamekindError as error:
        notices.failure(f"{query.name}: {error}", error.hint)
        if query.upload is not None:
            search_session.refuse_upload(query)
        return
    with right:
        st.subheader("Neighbours", anchor=False)
        if query.upload is not None and hits:
            _likeness(search_view.likeness(hits[0].similarity, library.usual_similarity(adapted)))
        _neighbours(library, query, hits, k)


def _query(library: Library, query: Query) -> None:
    """Draws the query: its picture, and of an upload what the encoder sees; or the words.

    Raises:
        SamekindError: an upload that cannot be read.
    """
    if query.words is not None:
        cards = [search_view.words_card(query.words)]
    elif query.id is not None:
        cards = [search_view.query_card(query.name, query.label, data_uri(library.index.thumbnail(query.id)))]
    else:
        upload = library.upload(query)
        cards = [
            search_view.query_card(query.name, None, data_uri(upload.picture)),
            search_view.seen_card(data_uri(upload.seen), upload.seen_side, upload.seen_grey),
        ]
    gallery(cards, key="query_card", label="the query", card_width=140)
    if query.upload is not None and library.upload(query).seen_grey:
        st.toggle(
            "Invert",
            key=search_session.INVERTED,
            on_change=search_session.invert,
            persist_state="session",
            help="Exchange light and dark: a corpus of bright things on black does not know dark ones on white.",
        )


def _link() -> None:
    """The address of this view, settings included, with a button that copies it."""
    with st.sidebar, st.popover("Link to this view", icon=":material/link:"):
        st.code(search_session.address(), language=None, wrap_lines=True)


def _likeness(found: search_view.Likeness | None) -> None:
    if found is not None and found.strange:
        st.warning(plain(found.sentence), icon=":material/help:")
    elif found is not None:
        st.caption(plain(found.sentence))


def _settings(library: Library) -> tuple[int, str | None, bool, bool]:
    """The settings in the sidebar: number of neighbours, filter, leaving out the query itself, and whether answers count."""
    with st.sidebar:
        st.subheader("Neighbours", anchor=False)
        k = st.slider("How many", 1, 50, 10, key="k", persist_state="session", bind="query-params")
        label = picker.class_filter(library, "Only of class", "where_class", in_address=True)
        split = picker.split_filter(library, "Only of split", "where_split", in_address=True)
        itself = st.toggle(
            "Exclude the query",
            value=True,
            key="leave_out_itself",
            persist_state="session",
            bind="query-params",
        )
        adapted = library.index.adaptation is not None and st.toggle(
            "Use people's answers",
            value=True,
            key="adapted",
            persist_state="session",
            bind="query-params",
            help="Search as the answers given under *Same or different?* have adapted it, or as the encoder sees it.",
        )
    return k, filters.where_clause(label, split), itself, adapted


def _neighbours(library: Library, query: Query, hits: Sequence[sk.Hit], k: int) -> None:
    sentences = (
        search_view.same_class_sentence(hits, query.label, library.index.same_class, query.id),
        search_view.shortfall_sentence(len(hits), k),
    )
    if text := " ".join(filter(None, sentences)):
        st.markdown(plain(text))
    thumbnails = library.index.thumbnails([hit.id for hit in hits])
    cards = search_view.neighbour_cards(hits, thumbnails, query.label, library.index.same_class, query.id)
    gallery(
        basket.marked(cards),
        key="neighbours",
        label="neighbours, most similar first",
        on_pick=lambda id_: search_session.choose(library, id_),
        on_basket=basket.toggle,
        card_width=112,
    )
    _to_basket(query, [hit.id for hit in hits])


def _to_basket(query: Query, shown: list[str]) -> None:
    """Buttons that put aside what is shown, and the query where it is of the corpus."""
    with st.container(horizontal=True):
        if shown:
            st.button(
                "Add these to the basket", icon=":material/add:", key="add_shown", on_click=basket.add, args=(shown,)
            )
        if query.id is not None:
            st.button("Add the query", icon=":material/add:", key="add_query", on_click=basket.add, args=([query.id],))


if __name__ == "__main__":
    main()
