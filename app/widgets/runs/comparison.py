"""Two or three runs beside each other: figures and settings that differ, curves in one chart, and one query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import artefact
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import search_view
from samekind.app.view_models.cards import Card, data_uri, plain
from samekind.app.view_models.runs import tables
from samekind.app.view_models.search.beside import pictures_sentence
from samekind.app.widgets.gallery import gallery
from samekind.app.widgets.runs import one_image
from samekind.core.text import one_line

if TYPE_CHECKING:
    from samekind import runs

CHOSEN, MEASURE = "runs_compared", "runs_measure"
MOST, NEIGHBOURS = 3, 6


def show(library: Library, found: Sequence[runs.RunRecord]) -> None:
    """Draws the choice and the comparison.

    Args:
        library: of the run that is looked at, whose images can be the query.
        found: all runs of the folder.
    """
    if len(found) < 2:
        st.info("There is one run here. A second one, trained otherwise, could stand beside it.")
        return
    by_name = {run.name: run for run in found}
    chosen = st.multiselect(
        "Runs to compare",
        list(by_name),
        default=list(by_name)[:2],
        max_selections=MOST,
        format_func=one_line,
        key=CHOSEN,
        persist_state="session",
    )
    compared = [by_name[name] for name in chosen if name in by_name]
    if len(compared) < 2:
        st.info("Choose two or three runs.")
        return
    _figures(compared)
    _curves(compared)
    _one_query(library, compared)


def _figures(compared: Sequence[runs.RunRecord]) -> None:
    from samekind import runs

    st.subheader("Figures, and settings that differ", anchor=False)
    names = tables.distinct([run.name for run in compared])
    rows = tables.comparison_rows(compared, runs.differing_settings(compared), names)
    st.dataframe(rows, hide_index=True, key="runs_figures", height="content")
    if note := tables.figures_note(compared):
        st.warning(note, icon=":material/balance:")


def _curves(compared: Sequence[runs.RunRecord]) -> None:
    from samekind import runs
    from samekind.app.view_models.runs import curves

    names = tables.distinct([run.name for run in compared])
    histories = dict(zip(names, (runs.run_history(run.folder) for run in compared), strict=True))
    offered = curves.measured(list(histories.values()))
    st.subheader("Curves", anchor=False)
    if not offered:
        st.caption("None of these runs was trained here, so there are no curves.")
        return
    measure = st.segmented_control(
        "Measure", offered, default=offered[0], required=True, key=MEASURE, label_visibility="collapsed"
    )
    figure = curves.compared(histories, measure or offered[0])
    st.plotly_chart(figure, key="runs_curves", config={"displayModeBar": False})
    missing = [name for name, history in histories.items() if not history]
    if missing:
        st.caption(plain(f"Not trained here, and so without a curve: {', '.join(missing)}"))


def _one_query(library: Library, compared: Sequence[runs.RunRecord]) -> None:
    """The neighbours of one image in each run, where it holds that image."""
    from samekind import runs

    st.subheader("One query", anchor=False)
    id_ = one_image.choose(library, "runs_query")
    if id_ is None:
        return
    (picture,) = runs.pictures(library.index, [id_])
    card = search_view.query_card(id_, library.label(id_), "" if picture is None else data_uri(picture))
    gallery([card if picture else replace(card, pictures=())], key="runs_query_card", label="the query", card_width=140)
    for run, name, column in zip(
        compared, tables.distinct([run.name for run in compared]), st.columns(len(compared)), strict=True
    ):
        with column:
            st.markdown(f"**{plain(name)}**")
            _neighbours(library, id_, run)


def _neighbours(library: Library, id_: str, run: runs.RunRecord) -> None:
    """The image's neighbours in a run, by content: the same id may be another image there."""
    from samekind import SamekindError, runs

    if not run.has_index:
        st.caption("It has no index yet.")
        return
    try:
        other = artefact.opened(run.folder)
        there = runs.same_image(library.index, id_, other.index)
        if there is None:
            st.caption("It does not hold this image.")
            return
        hits = other.neighbours(Query(there, there), NEIGHBOURS, None, leave_out_itself=True)
        ids = [hit.id for hit in hits]
        own = runs.pictures(other.index, ids)
        shown = own if None not in own else runs.pictures(other.index, ids, library.index)
    except SamekindError as error:
        st.caption(plain(f"It cannot be searched: {error}"))
        return
    label = other.label(there)
    if sentence := search_view.same_class_sentence(hits, label, other.index.same_class):
        st.markdown(plain(sentence))
    if sentence := pictures_sentence(own, shown):
        st.caption(plain(sentence))
    cards = search_view.neighbour_cards(hits, shown, label, other.index.same_class)
    gallery(_read_only(cards), key=f"runs_neighbours_{run.name}", label=f"neighbours in {run.name}", card_width=96)


def _read_only(cards: Sequence[Card]) -> list[Card]:
    """The cards without their buttons, which would lead to another run's search."""
    return [replace(card, action="", action_label="", acts=()) for card in cards]
