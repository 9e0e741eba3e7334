"""The part of *False negatives* about classes: the worst ones as bars, and which classes are near each other; both can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from samekind.app.view_models.audit import mass_charts
from samekind.app.view_models.audit_view import AuditView
from samekind.app.widgets import anchors

HEAT_MAP, BARS = "by_class", "worst_classes"
PLAIN = {"displayModeBar": False}


def worst(view: AuditView) -> None:
    """The classes with most false negatives among their hardest."""
    found = mass_charts.worst_classes(view.report.by_class)
    if found is None:
        return
    names, figure = found
    total = len(view.report.by_class)
    can_click = bool(view.report.class_pairs["classes"])
    st.subheader("Worst classes", anchor=False, help="By chance: the share if negatives were drawn at random.")
    st.caption(
        f"{len(names)} of {total:,} classes, those with most false ones among the {view.report.k} hardest negatives first."
        + " A click on a bar shows such anchors above." * can_click
    )
    if can_click:
        st.plotly_chart(figure, key=BARS, config=PLAIN, on_select=lambda: _bar_picked(names), selection_mode="points")
    else:
        st.plotly_chart(figure, key=BARS, config=PLAIN)


def matrix(view: AuditView) -> None:
    """Class by class: which share of the hardest negatives of each is of each."""
    from samekind.app.view_models import charts

    report = view.report
    st.subheader("Class by class", anchor=False)
    if not report.class_pairs["classes"]:
        st.caption("Left out: an image of several labels would be in several classes.")
        return
    classes, shares = report.class_shares()
    st.caption(
        "Per cent of the hardest negatives of a class that are of each class. The diagonal is false negatives."
        + " A click on a cell shows such pairs above." * (len(classes) <= charts.CLICKABLE_CLASSES)
    )
    st.plotly_chart(
        charts.class_heat_map(classes, shares, is_dark=st.context.theme.type == "dark"),
        key=HEAT_MAP,
        config=PLAIN,
        on_select=lambda: _cell_picked(classes),
        selection_mode="points",
    )


def _cell_picked(classes: Sequence[str]) -> None:
    """A click on a cell of the heat map chooses its pair of classes; a second one there takes nothing back."""
    points = st.session_state[HEAT_MAP]["selection"]["points"]
    if points:
        row, column = divmod(points[0]["point_index"], len(classes))
        anchors.show_pair(classes[row], classes[column])


def _bar_picked(names: Sequence[str]) -> None:
    points = st.session_state[BARS]["selection"]["points"]
    if points:
        anchors.show_class(names[points[0]["point_index"]])
