"""The part of *False negatives* that shows one anchor beside its hardest negatives, and lets the user choose the anchor."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models import audit_view
from samekind.app.view_models.audit_view import AuditView
from samekind.app.widgets.gallery import gallery
from samekind.core.text import one_line

WORST, RANDOM, BY_CLASS, BY_PAIR, CLOSEST = (
    "Most false negatives",
    "Random",
    "By class",
    "By pair of classes",
    "Closest pairs",
)
WAY, ANCHOR_CLASS, NEGATIVE_CLASS = "anchor_way", "anchor_class", "negative_class"


def show(library: Library, view: AuditView) -> None:
    """Draws the choice of the anchor, the anchor and its negatives."""
    st.subheader("An anchor and its hardest negatives", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        found = _choice(view)
        place = _step(len(found))
    if not found:
        st.info("No anchor of that class has such a negative among its hardest.")
        return
    anchor = found[place]
    negatives = view.negatives(anchor)
    if sentence := audit_view.anchor_sentence(negatives, view.report.base_rate):
        st.markdown(sentence)
    picture, *pictures = library.index.thumbnails([view.id(anchor), *(negative.id for negative in negatives)])
    left, right = st.columns([1, 4], gap="medium")
    with left:
        card = audit_view.anchor_card(view.id(anchor), view.label(anchor), picture)
        gallery([card], key="anchor_card", label="the anchor", card_width=140)
    with right:
        asked = st.session_state.get(NEGATIVE_CLASS) if st.session_state.get(WAY) == BY_PAIR else None
        cards = audit_view.negative_cards(negatives, pictures, asked)
        gallery(cards, key="negatives", label="hardest negatives, most similar first", card_width=100)
        if any(negative.gradient_share is not None for negative in negatives):
            st.caption("Gradient: the share that one negative draws of all that pushes the anchor away from negatives.")


def _choice(view: AuditView) -> list[int]:
    """The anchors that the user asked for, in the order in which to step through them."""
    options = [WORST, RANDOM, BY_CLASS, BY_PAIR] if view.labelled else [CLOSEST, RANDOM]
    way = st.segmented_control(
        "Anchor",
        options,
        default=options[0],
        required=True,
        key=WAY,
        persist_state="session",
        on_change=_first,
    )
    if way == RANDOM:
        return view.shuffled()
    if way == BY_CLASS:
        return view.of_class(_class("Class", ANCHOR_CLASS, view))
    if way == BY_PAIR:
        return view.of_pair(
            _class("Anchor's class", ANCHOR_CLASS, view), _class("Negative's class", NEGATIVE_CLASS, view, start=1)
        )
    return view.worst if way == WORST else view.closest


def _class(title: str, key: str, view: AuditView, start: int = 0) -> str:
    start = min(start, len(view.classes) - 1)
    chosen: str = st.selectbox(
        title,
        view.classes,
        index=start,
        format_func=one_line,
        key=key,
        persist_state="session",
        on_change=_first,
        width=180,
    )
    return chosen


def _step(count: int) -> int:
    """Place of the anchor to show among `count`, with buttons for the previous and the next one."""
    place = max(0, min(int(st.session_state.get("anchor_place", 0)), count - 1))
    st.button(
        "Previous", icon=":material/arrow_back:", key="previous", disabled=place == 0, on_click=_go, args=(place - 1,)
    )
    st.button(
        "Next",
        icon=":material/arrow_forward:",
        key="next",
        disabled=place >= count - 1,
        on_click=_go,
        args=(place + 1,),
    )
    if count:
        st.caption(f"{place + 1:,} of {count:,}", width="content")
    return place


def _go(place: int) -> None:
    st.session_state["anchor_place"] = place


def show_pair(anchor_class: str, negative_class: str) -> None:
    """Makes anchors of one class that have a negative of another the choice, from the next run on."""
    st.session_state[WAY], st.session_state[ANCHOR_CLASS] = BY_PAIR, anchor_class
    st.session_state[NEGATIVE_CLASS] = negative_class
    _first()


def show_class(name: str) -> None:
    """Makes anchors of one class the choice, from the next run on."""
    st.session_state[WAY], st.session_state[ANCHOR_CLASS] = BY_CLASS, name
    _first()


def _first() -> None:
    _go(0)
