"""All runs of the folder in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import runs as runs_shown
from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain
from samekind.app.view_models.runs import tables
from samekind.app.widgets import waiting
from samekind.core.text import counted, one_line

if TYPE_CHECKING:
    from samekind import runs

MOST_LINKS = 12
WHAT_IS_MEASURED = "As `samekind evaluate` does, for the column k-NN; the run keeps the figures. 70,000 images take about half a minute."
OVERVIEW = "screens/overview.py"


MEASURE = "runs_measure_shown"


def show(library: Library, found: Sequence[runs.RunRecord], current: str) -> None:
    """Draws the table, and under it what its states mean."""
    if st.session_state.get(MEASURE):
        waiting.result(library.evaluation, "Measuring …")
    known = library.evaluated
    rows = tables.run_rows(found, current, None if known is None else known.knn_accuracy)
    st.dataframe(rows, hide_index=True, key="runs_table")
    st.caption(
        f"{counted(len(found), 'run')} in this folder. *k-NN*: share of test images whose class wins a vote of their "
        "nearest training images. *Hold-out*: the same for training images that were kept away from the training."
    )
    notes = known.notes if known is not None else [note for run in found if run.name == current for note in run.notes]
    for note in notes:
        st.caption(plain(note))
    if (
        known is None
        and library.classes
        and any(run.name == current and tables.KNN not in run.figures for run in found)
    ):
        st.button(f"Measure {one_line(current)}", icon=":material/speed:", key=MEASURE, help=WHAT_IS_MEASURED)
    others = [run.name for run in found if run.has_index and run.name != current]
    if others:
        st.markdown("Open another run:")
        with st.container(horizontal=True):
            for name in others[:MOST_LINKS]:
                link(name)
        if len(others) > MOST_LINKS:
            st.caption("The choice at the top of the sidebar has all of them.")
    for state in dict.fromkeys(run.state for run in found):
        if state in tables.MEANINGS:
            st.caption(plain(f"{tables.state_text(state)}: {tables.MEANINGS[state]}"))


def link(name: str) -> None:
    """Draws a link that opens a run, on its overview."""
    st.page_link(
        OVERVIEW,
        label=plain(f"Open {name}"),
        icon=":material/arrow_forward:",
        query_params={runs_shown.PARAMETER: name},
    )
