"""The page *Runs*: the runs of the folder, beside each other, and new ones: started, watched, stopped and resumed."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.training import folder
from samekind.app.widgets import opening
from samekind.app.widgets.runs import comparison, listing, live, starting, views

PART = "runs_part"
LIST, COMPARE, START, VIEWS = "All runs", "Compare", "Start a training", "Augmented views"

WHAT_IT_IS = (
    "A run is one encoder with the index of the images that it has embedded. Here are the runs that lie in one folder, and what made them "
    "differ; and a new one can be trained."
)


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("Runs", anchor=False)
    st.markdown(WHAT_IT_IS)
    found, current = folder.records(library), folder.name_of(library)
    live.show(found)
    part = st.segmented_control(
        "Part",
        (LIST, COMPARE, START, VIEWS),
        default=LIST,
        required=True,
        key=PART,
        label_visibility="collapsed",
        persist_state="session",
    )
    if part == COMPARE:
        comparison.show(library, found)
    elif part == START:
        starting.show(library)
    elif part == VIEWS:
        views.show(library)
    else:
        listing.show(library, found, current)


if __name__ == "__main__":
    main()
