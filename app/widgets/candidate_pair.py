"""The part of *Same or different?* that shows one pair: two large pictures above their neighbours, and a button for each verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import label_pairs_view, search_view
from samekind.app.view_models.label_pairs_view import CHOICES, WHOSE, WRONG_LABEL, Choice
from samekind.app.view_models.pairs import key_of
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk

NEIGHBOURS = 5


def show(library: Library, candidate: sk.CandidatePair) -> None:
    """Draws the pair and its buttons."""
    revealed = labeling_session.is_revealed(candidate)
    with st.container(key="candidate"):
        left, middle, right = st.columns([3, 3, 2], gap="medium")
    with left:
        _image(library, candidate, "anchor", revealed=revealed)
    with middle:
        _image(library, candidate, "negative", revealed=revealed)
    with right:
        _buttons(library, candidate)
    if revealed:
        st.caption(label_pairs_view.figures(candidate))


def undo_button(library: Library) -> None:
    """Takes back the verdict that this tab gave last."""
    pair = labeling_session.last_own_pair()
    st.button(
        "Undo",
        icon=":material/undo:",
        key="undo",
        shortcut="u",
        width="stretch",
        disabled=pair is None,
        on_click=labeling_session.undo,
        args=(library, pair),
    )


def _image(library: Library, candidate: sk.CandidatePair, role: str, *, revealed: bool) -> None:
    """One image, large, above the images nearest to it."""
    ids = candidate.anchor_id, candidate.negative_id
    id_, other = ids if role == "anchor" else ids[::-1]
    hits = library.neighbours(Query(id_, id_), NEIGHBOURS + 1, None, leave_out_itself=True)
    hits = search_view.without(hits, [other], NEIGHBOURS)
    small = library.index.thumbnails([hit.id for hit in hits])
    card = label_pairs_view.image_card(candidate, role, library.picture(id_), revealed=revealed)
    gallery([card], key=f"{role}_card", label=f"the {role}", card_width=200)
    gallery(
        label_pairs_view.neighbour_cards(hits, small, role),
        key=f"{role}_neighbours",
        label=f"nearest to the {role}",
        card_width=48,
    )


def _buttons(library: Library, candidate: sk.CandidatePair) -> None:
    asking_whose = labeling_session.is_asking_whose(candidate)
    with st.container(key="answer_bar"):
        for choice in CHOICES:
            if choice.verdict != WRONG_LABEL:
                _button(candidate, choice, labeling_session.annotate, library, candidate, choice.verdict)
            elif asking_whose:
                _whose_buttons(library, candidate)
            else:
                unlabelled = candidate.anchor_label is candidate.negative_label is None
                _button(candidate, choice, labeling_session.ask_whose, candidate, disabled=unlabelled)
    st.text_input("Why (optional)", key=labeling_session.NOTE, placeholder="a note; Tab leaves this field")
    if asking_whose:
        _back_button()
    else:
        undo_button(library)
    if labeling_session.is_revisiting():
        st.button("Back to the queue", key="back_to_queue", width="stretch", on_click=labeling_session.back_to_queue)


def _whose_buttons(library: Library, candidate: sk.CandidatePair) -> None:
    for whose in WHOSE:
        label = candidate.anchor_label if whose.verdict == "anchor" else candidate.negative_label
        arguments = labeling_session.annotate, library, candidate, WRONG_LABEL, whose.verdict
        _button(candidate, whose, *arguments, disabled=label is None)


def _back_button() -> None:
    st.button(
        "Back",
        icon=":material/undo:",
        key="back",
        shortcut="u",
        width="stretch",
        on_click=labeling_session.stop_asking_whose,
    )


def _button(
    candidate: sk.CandidatePair, choice: Choice, on_click: Callable[..., None], *args: object, disabled: bool = False
) -> None:
    st.button(
        choice.words,
        # The pair is in each key: a press that was meant for one pair can never be taken for a verdict on the next.
        key=f"{choice.verdict} {key_of(candidate.pair)}",
        shortcut=choice.key,
        help=choice.meaning,
        width="stretch",
        disabled=disabled,
        on_click=on_click,
        args=args,
    )
