"""The opened index, or one clear error where there is none."""

from __future__ import annotations

import streamlit as st

from samekind.app.state import artefact, runs
from samekind.app.state.library import Library
from samekind.app.widgets import notices


def library_or_stop() -> Library:
    """The opened index; shows one clear error and ends the page if there is none."""
    from samekind import SamekindError

    path = runs.current()
    if path is None:
        remedy = (
            f"Start the demo with: samekind demo ARTEFACT, or name the artefact's folder in {artefact.ENVIRONMENT}."
        )
        notices.failure("No artefact was named.", remedy)
        st.stop()
    try:
        return artefact.opened(path)
    except SamekindError as error:
        notices.failure(str(error), error.hint)
        st.stop()
