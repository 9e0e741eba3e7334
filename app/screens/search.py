"""The page *Search*: choose or upload an image, or say in words what to look for, and see its neighbours in the corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import search_session
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import filters, search_view
from samekind.app.view_models.cards import Card, data_uri, plain
from samekind.app.widgets import notices, opening, picker
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    query = search_session.present_query(library)
    st.title("Search", anchor=False)
    picker.words_field(library)
    if query is None:
        st.markdown(
            "Choose an image of the corpus, or upload one of your own, and see the images that are most similar to it."
        )
    else:
        _results(library, query)
    picker.show(library, query)


def _results(library: Library, query: Query) -> None:
    """The query beside its neighbours, or one line with the reason why it cannot be searched with."""
    from samekind import SamekindError

    k, where, leave_out_itself, adapted = _settings(library)
    try:
        with st.spinner("Searching …"):
            hits = library.neighbours(query, k, where, leave_out_itself, adapted)
            card = _query_card(library, query)
    except SamekindError as error:
        notices.failure(f"{query.name}: {error}", error.hint)
        return
    if query.id is not None:
        st.query_params["id"] = query.id
    else:
        st.query_params.pop("id", None)
    left, right = st.columns([1, 4], gap="medium")
    with left:
        st.subheader("Query", anchor=False)
        gallery([card], key="query_card", label="the query", card_width=140)
    with right:
        st.subheader("Neighbours", anchor=False)
        _neighbours(library, query, hits, k)


def _settings(library: Library) -> tuple[int, str | None, bool, bool]:
    """The settings in the sidebar: number of neighbours, filter, leaving out the query itself, and whether answers count."""
    with st.sidebar:
        st.subheader("Neighbours", anchor=False)
        k = st.slider("How many", 1, 50, 10, key="k", persist_state="session")
        label = picker.class_filter(library, "Only of class", "where_class")
        split = picker.split_filter(library, "Only of split", "where_split")
        itself = st.toggle("Leave out the query itself", value=True, key="leave_out_itself", persist_state="session")
        adapted = library.index.adaptation is not None and st.toggle(
            "Use people's answers",
            value=True,
            key="adapted",
            persist_state="session",
            help="Search as the answers given under *Label pairs* have adapted it, or as the encoder sees it.",
        )
    return k, filters.where_clause(label, split), itself, adapted


def _neighbours(library: Library, query: Query, hits: Sequence[sk.Hit], k: int) -> None:
    sentences = (search_view.same_class_sentence(hits, query.label), search_view.shortfall_sentence(len(hits), k))
    if text := " ".join(filter(None, sentences)):
        st.markdown(plain(text))
    thumbnails = library.index.thumbnails([hit.id for hit in hits])
    gallery(
        search_view.neighbour_cards(hits, thumbnails, query.label),
        key="neighbours",
        label="neighbours, most similar first",
        on_pick=lambda id_: search_session.choose(library, id_),
        card_width=112,
    )


def _query_card(library: Library, query: Query) -> Card:
    """The query with its picture, or the words."""
    if query.words is not None:
        return search_view.words_card(query.words)
    if query.id is not None:
        picture = library.index.thumbnail(query.id)
    else:
        assert query.upload is not None
        picture = search_view.upload_picture(query.upload, library.index.reading)
    return search_view.query_card(query.name, query.label, data_uri(picture))


if __name__ == "__main__":
    main()
