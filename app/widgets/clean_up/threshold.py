"""A slider over the histogram of a list's scores, and what can be said of all entries from there on, with its undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import cleaning_session
from samekind.app.state.labeling.cleaning_keys import LABELS
from samekind.app.state.library import Library
from samekind.app.view_models.clean_up import threshold as view
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk


def show_labels(library: Library, issues: Sequence[sk.LabelIssue]) -> None:
    """The threshold over suspicions: all from there on get the suggested label."""
    at = _slider([issue.score for issue in issues if not issue.copies], "suspicion", LABELS)
    if at is None:
        return
    chosen = view.selected_issues(issues, at)
    why = f"suspicion {at:.3f}"
    words = f"Give {counted(len(chosen), 'image')} the suggested label"
    _batch(library, words, bool(chosen), lambda: cleaning_session.pick_suggested(library, chosen, why), LABELS)


def show_pairs(library: Library, pairs: Sequence[sk.Duplicate], which: str) -> None:
    """The threshold over the agreement of pixels: all from there on are the same picture."""
    at = _slider([pair.score for pair in pairs if pair.kind != "exact"], "agreement of the pixels", which)
    if at is None:
        return
    chosen = view.selected_pairs(pairs, at)
    why = f"agreement {at:.3f}"
    words = f"Call {counted(len(chosen), 'pair')} the same picture"
    _batch(
        library,
        words,
        bool(chosen),
        lambda: cleaning_session.answer_pairs(library, chosen, "duplicate", which, why),
        which,
    )


def _slider(scores: Sequence[float], name: str, which: str) -> float | None:
    if not scores:
        return None
    low, high = view.ends(scores)
    at: float = st.slider(
        f"Threshold ({name})",
        low,
        high,
        view.first(scores),
        1 / view.STEPS,
        format="%.3f",
        key=f"threshold {which}",
        persist_state="session",
    )
    figure = view.histogram(scores, at, name)
    st.plotly_chart(figure, key=f"histogram {which}", config={"displayModeBar": False})
    num_above = sum(score >= at for score in scores)
    st.caption(f"{num_above:,} of {counted(len(scores), 'listed entry', 'listed entries')} from {at:.3f} on.")
    return at


def _batch(library: Library, words: str, can_act: bool, act: Callable[[], None], which: str) -> None:
    batch = cleaning_session.last_batch(library, which)
    with st.container(horizontal=True):
        st.button(words, icon=":material/done_all:", key=f"batch {which}", disabled=not can_act, on_click=act)
        if batch:
            st.button(
                f"Undo the last {len(batch):,} at once",
                icon=":material/undo:",
                key=f"undo batch {which}",
                on_click=cleaning_session.take_batch_back,
                args=(library, batch),
            )
