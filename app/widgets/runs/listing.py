"""All runs of the folder in one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.view_models.cards import plain
from samekind.app.view_models.runs import tables
from samekind.core.text import counted

if TYPE_CHECKING:
    from samekind import runs


def show(found: Sequence[runs.RunRecord], current: str) -> None:
    """Draws the table, and under it what its states mean."""
    st.dataframe(tables.run_rows(found, current), hide_index=True, key="runs_table")
    st.caption(
        f"{counted(len(found), 'run')} in this folder. *k-NN*: share of test images whose class wins a vote of their "
        "nearest training images. *Hold-out*: the same for training images that were kept away from the training."
    )
    for state in dict.fromkeys(run.state for run in found):
        if state in tables.MEANINGS:
            st.caption(plain(f"{tables.state_text(state)}: {tables.MEANINGS[state]}"))
