"""What stands beside and under the map: the image that was picked with its hardest negatives, and the images that were selected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import basket, map_session, search_session
from samekind.app.state.labeling import labeling_session, screen_session
from samekind.app.state.library import Library
from samekind.app.view_models.cards import alt_text, data_uri, plain
from samekind.app.view_models.map import beside
from samekind.app.widgets import groups, notices, tagging
from samekind.app.widgets.gallery import gallery
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk

MOST_CARDS = 48
SEARCH, LABEL_PAIRS = "screens/search.py", "screens/label_pairs.py"


def picked(library: Library, id_: str, hits: Sequence[sk.Hit]) -> None:
    """Draws the image that was picked and its hardest negatives."""
    label = library.label(id_)
    st.subheader(plain(label or "Picked"), anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(
            f'<img src="{data_uri(library.index.thumbnail(id_))}" alt="" style="width:96px;height:96px;object-fit:contain">'
        )
        with st.container():
            st.caption(plain(id_))
            if st.button("Search for this", icon=":material/image_search:", key="map_search"):
                search_session.choose(library, id_)
                st.switch_page(SEARCH, query_params={"id": id_})
    false = beside.tones(hits, label, library.index.same_class).count("false")
    of_class = f", {false} of its own class: thick lines" if label is not None else ""
    st.caption(f"Its {counted(len(hits), 'hardest negative')}{of_class}.")
    cards = beside.negative_cards(
        hits, library.index.thumbnails([hit.id for hit in hits]), label, library.index.same_class
    )
    gallery(
        cards,
        key="map_negatives",
        label=f"hardest negatives of {alt_text(id_, label)}",
        on_pick=_pick(library),
        card_width=96,
    )


def selected(library: Library, rows: Sequence[int]) -> None:
    """Draws the images that were selected, and what can be done with them."""
    st.subheader(f"{counted(len(rows), 'image')} selected", anchor=False)
    if not rows:
        st.caption("No point lies inside the line.")
        return
    _naming(library, len(rows))
    index, shown = library.index, rows[:MOST_CARDS]
    with st.container(horizontal=True):
        _uses(library, [index.ids[row] for row in rows])
    if len(rows) > len(shown):
        st.caption(f"The first {len(shown)} of them:")
    ids = [index.ids[row] for row in shown]
    cards = beside.selected_cards(ids, [library.label(id_) for id_ in ids], index.thumbnails(ids))
    gallery(cards, key="map_selection", label="selected images", on_pick=_pick(library), card_width=104)


def _uses(library: Library, ids: Sequence[str]) -> None:
    if st.button("Add these to the basket", icon=":material/add:", key="map_basket"):
        basket.add(ids)
        st.rerun()  # the whole page: the sidebar says how many there are
    if len(ids) > 1 and st.button("Ask about these", icon=":material/fact_check:", key="map_ask"):
        screen_session.ask_among(library, ids)
        st.session_state[groups.MODE] = groups.GROUPS
        st.switch_page(LABEL_PAIRS)
    with st.popover("Tag these", icon=":material/sell:", key="map_tag"):
        tagging.form(library, ids, "map")


def _naming(library: Library, count: int) -> None:
    """A field for a class name of all selected images, and what came of the last one."""
    if failure := labeling_session.pop_failure():
        notices.failure(*failure)
    with (
        st.form("map_naming", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input("Class name for all of them", max_chars=100, key=map_session.NAME)
        st.form_submit_button(
            f"Give it to {counted(count, 'image')}",
            icon=":material/label:",
            on_click=lambda: map_session.give_name(library),
        )
    if (given := map_session.named()) is not None:
        name, named = given
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(plain(f"{counted(named, 'image')} named {name}; adapting and training learn from that."))
            st.button("Take it back", icon=":material/undo:", on_click=lambda: map_session.take_name_back(library))


def _pick(library: Library) -> Callable[[str], None]:
    return lambda id_: map_session.pick(library, library.positions[id_])
