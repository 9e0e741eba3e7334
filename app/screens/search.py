"""The page *Search*: choose or upload an image, or say in words what to look for, and see its neighbours in the corpus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import basket, first_click, search_session, tags
from samekind.app.state.library import Library
from samekind.app.state.query import Mixture
from samekind.app.state.search import mixing
from samekind.app.state.search.mixing import Settings
from samekind.app.view_models import filters, search_view
from samekind.app.view_models.cards import plain
from samekind.app.view_models.search.beside import with_ranks
from samekind.app.widgets import notices, opening, picker, tagging, waiting
from samekind.app.widgets.gallery import gallery
from samekind.app.widgets.search import beside, narrowing, original, query_panel
from samekind.app.widgets.search.narrowing import Narrowed

if TYPE_CHECKING:
    import samekind as sk


TITLE = "Search"


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    begins = search_session.begins()
    search_session.do_what_was_left()
    unknown = search_session.unknown_id(library)
    mixture = search_session.present_query(library, TITLE)
    search_session.write_address(library, mixture)
    st.title(TITLE, anchor=False)
    picker.words_field(library)
    if unknown is not None:
        _dead_link(f"The address names an image that this corpus does not have: {unknown}")
    if (tag := picker.unknown_tag(library, "where_tag")) is not None:
        _dead_link(f"The address names a tag that no image has: {tag}")
    if mixture is None:
        st.markdown(
            "Choose an image of the corpus, or upload some of your own, and see the images that are most similar to them."
        )
    else:
        _results(library, mixture)
    picker.show(library, mixture)
    original.show(library)
    if begins and not first_click.is_noted() and (act := picker.chosen_already()) is not None:
        search_session.do_later(act, TITLE)


def _results(library: Library, mixture: Mixture) -> None:
    """The query beside its neighbours, or one line with the reason why it cannot be searched with."""
    from samekind import SamekindError

    settings = _settings(library)
    left, right = st.columns([1, 4], gap="medium")
    with left:
        st.subheader("Query", anchor=False)
        with waiting.spinner("Reading …", is_slow=any(part.is_read for part in mixture.parts)):
            is_read = query_panel.show(library, mixture)
    if not is_read:
        return
    try:
        with (
            right,
            waiting.spinner("Searching …", is_slow=_may_take_long(library, mixture, settings)),
        ):
            weighed = _weighed(mixture)
            hits = mixing.neighbours(library, weighed, settings)
    except SamekindError as error:
        notices.failure(f"{mixture.name}: {error}", error.hint)
        return
    with right:
        st.subheader("Neighbours", anchor=False)
        if any(part.upload is not None for part in mixture.like) and hits:
            _likeness(search_view.likeness(hits[0].similarity, library.usual_similarity(settings.adapted)))
        _neighbours(library, weighed, hits, settings)


def _may_take_long(library: Library, mixture: Mixture, settings: Settings) -> bool:
    """False for another image of the corpus, asked for alone: its vector is at hand."""
    is_plain = mixture.is_single and mixture.like[0].id is not None and not (settings.where or settings.diversity)
    return not (is_plain and library.has_searched)


def _dead_link(line: str) -> None:
    st.warning(plain(line), icon=":material/link_off:")


def _likeness(found: search_view.Likeness | None) -> None:
    if found is not None and found.strange:
        st.warning(plain(found.sentence), icon=":material/help:")
    elif found is not None:
        st.caption(plain(found.sentence))


def _settings(library: Library) -> Settings:
    """The settings in the sidebar."""
    with st.sidebar:
        st.subheader("Neighbours", anchor=False)
        k = st.slider("How many", 1, 50, 10, key="k", persist_state="session", bind="query-params")
        label = picker.class_filter(library, "Only of class", "where_class", in_address=True)
        split = picker.split_filter(library, "Only of split", "where_split", in_address=True)
        tag = picker.tag_filter(library, "Only with tag", "where_tag", in_address=True)
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
        diversity = st.slider(
            "Variety",
            0.0,
            1.0,
            0.0,
            0.1,
            key="diversity",
            persist_state="session",
            bind="query-params",
            help="Above 0, images that are nearly the same as one that is shown give way to others. 0 shows the most similar ones.",
        )
    where = filters.where_clause(label, split)
    if tag is not None:
        where = " AND ".join(filter(None, (where, tags.condition(library, tag))))
    return Settings(k, where, itself, adapted, diversity)


def _weighed(mixture: Mixture) -> Mixture:
    """The mixture with the weights of the sliders, which are there where they count."""
    with_words = len(mixture.like) > 1 and any(part.words is not None for part in mixture.like)
    if not with_words and not mixture.unlike:
        return mixture
    with st.sidebar:
        if with_words:
            words = _weight(
                "Weight of the words", "words_weight", 0.25, 4.0, mixture.words_weight, "1: as much as one image."
            )
            mixture = replace(mixture, words_weight=words)
        if mixture.unlike:
            unlike = _weight(
                "Weight of “unlike”", "unlike_weight", 0.0, 1.0, mixture.unlike_weight, "0: it does not count."
            )
            mixture = replace(mixture, unlike_weight=unlike)
    return mixture


def _weight(title: str, key: str, least: float, most: float, usual: float, meaning: str) -> float:
    return float(
        st.slider(title, least, most, usual, 0.05, key=key, help=meaning, persist_state="session", bind="query-params")
    )


def _neighbours(library: Library, mixture: Mixture, hits: Sequence[sk.Hit], settings: Settings) -> None:
    """The neighbours; beside them those in another run, if one is chosen."""
    with st.container(horizontal=True, vertical_alignment="center"):
        narrowed = narrowing.show(library, hits, settings.adapted)
        beside.choice(TITLE)
    scale = search_view.scale_sentence(settings.adapted and library.index.adaptation is not None)
    sentences = (search_view.shortfall_sentence(len(hits), settings.k), narrowed.sentence, scale)
    there = beside.found(library, mixture, settings)
    if there is None:
        _cards(library, mixture, narrowed, sentences)
        return
    narrowed_there = narrowed.of(there.hits)
    common = beside.overlap(library, narrowed.hits, there, narrowed_there)
    left, right = st.columns(2, gap="medium")
    with left:
        beside.heading(library.index.path)
        _cards(library, mixture, narrowed, sentences, {} if common is None else common.here)
    with right:
        beside.show(
            library,
            there,
            narrowed_there,
            common,
            lambda id_: search_session.choose(library, id_),
            lambda name, id_: picker.act(library, name, id_),
        )


def _cards(
    library: Library,
    mixture: Mixture,
    narrowed: Narrowed,
    sentences: Sequence[str],
    in_both: Mapping[str, int] | None = None,
) -> None:
    """Cards of the neighbours, under sentences about them; those of the ids `in_both`, with their rank there, are marked."""
    own = [part.id for part in mixture.like if part.id is not None]
    same_class = search_view.same_class_sentence(narrowed.hits, mixture.label, library.index.same_class, own)
    if text := " ".join(filter(None, (same_class, *sentences))):
        st.markdown(plain(text))
    ids = [hit.id for hit in narrowed.hits]
    cards = search_view.neighbour_cards(
        narrowed.hits, library.index.thumbnails(ids), mixture.label, library.index.same_class, own
    )
    gallery(
        tags.marked(library, basket.marked(with_ranks(cards, in_both or {}))),
        key="neighbours",
        label=narrowed.name,
        on_pick=lambda id_: search_session.choose(library, id_),
        on_act=lambda name, id_: picker.act(library, name, id_),
        card_width=112 if in_both is None else 96,
    )
    _to_basket(library, own, ids)


def _to_basket(library: Library, own: list[str], shown: list[str]) -> None:
    """Buttons that put aside or tag what is shown, and put aside the query where it is of the corpus."""
    with st.container(horizontal=True):
        if shown:
            st.button(
                "Add these to the basket", icon=":material/add:", key="add_shown", on_click=basket.add, args=(shown,)
            )
        if own:
            st.button("Add the query", icon=":material/add:", key="add_query", on_click=basket.add, args=(own,))
        if shown:
            with st.popover("Tag these", icon=":material/sell:"):
                tagging.form(library, shown, "shown")


if __name__ == "__main__":
    main()
