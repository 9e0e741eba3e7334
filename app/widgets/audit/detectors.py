"""The part of *False negatives* about detectors: which of them, without labels, would have told which negatives are false."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.audit import mass_charts
from samekind.app.view_models.cards import plain
from samekind.app.widgets import waiting
from samekind.core.text import percent

ASKED = "detectors_asked"
WHAT = (
    "A detector tells without labels which negatives are probably false, so that a training can spare them. Here each is held against the "
    "labels, on pairs of up to 2,000 training images."
)


def show(library: Library) -> None:
    """Draws precision over recall of each detector, once somebody has asked for it (it takes a minute or more), or why it is unknown."""
    from samekind import missing_for_detectors

    st.markdown(
        WHAT, help="Precision: share of the found that are false. Recall: share of the false ones that are found."
    )
    if reason := missing_for_detectors(library.index.path):
        st.info(reason, icon=":material/block:")
        return
    if not (library.has_detectors or st.session_state.get(ASKED)):
        st.button("Measure the detectors", icon=":material/monitoring:", key="measure_detectors", on_click=_ask)
        return
    report = waiting.result(library.detectors, "Measuring every detector; a minute or more …")
    if report is None:
        st.session_state.pop(ASKED, None)  # the reason is shown once, and whoever wants it tried again presses again
        return
    if report.base_rate is not None:
        st.plotly_chart(mass_charts.detector_curves(report), key="detector_curves", config={"displayModeBar": False})
        best = max(
            (each for each in report.detectors if each.detector != "oracle"),
            key=lambda each: each.average_precision or 0.0,
        )
        st.markdown(
            plain(
                f"The best is {best.detector} (average precision {percent(best.average_precision)}); by chance it would be "
                f"{percent(report.base_rate)}."
            )
        )
    for note in report.notes:
        st.caption(plain(note))


def _ask() -> None:
    st.session_state[ASKED] = True
