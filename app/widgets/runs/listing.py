"""All runs of the folder in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import runs as runs_shown
from samekind.app.view_models.cards import plain
from samekind.app.view_models.runs import tables
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind import runs

MOST_LINKS = 12
OVERVIEW = "screens/overview.py"


def show(found: Sequence[runs.RunRecord], current: str) -> None:
    """Draws the table, and under it what its states mean."""
    st.dataframe(tables.run_rows(found, current), hide_index=True, key="runs_table")
    st.caption(
        f"{counted(len(found), 'run')} in this folder. *k-NN*: share of test images whose class wins a vote of their "
        "nearest training images. *Hold-out*: the same for training images that were kept away from the training."
    )
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
