"""The part of *False negatives* that asks about a random sample where a corpus has no labels, and shows the estimate that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session, sample_session
from samekind.app.state.library import Library
from samekind.app.view_models.audit import sentences
from samekind.app.view_models.audit.sentences import WANTED_ANSWERS
from samekind.app.view_models.audit_view import AuditView
from samekind.app.view_models.cards import Card, Picture, data_uri
from samekind.app.view_models.pairs import key_of
from samekind.app.widgets import notices
from samekind.app.widgets.gallery import gallery

if TYPE_CHECKING:
    import samekind as sk

CHOICES = (("same", "Same kind", "1"), ("different", "Different", "2"), ("unsure", "Unsure", "3"))
WHY = (
    "Pairs of an image and one of its {depth} nearest are drawn at random, each as likely as any other, and shown in that order. "
    "So their answers are a plain sample, and the interval (Wilson's) holds the true share in 19 of 20 such samples."
)


@st.fragment
def show(library: Library, view: AuditView) -> None:
    """Draws the estimate and the next pair of the sample. A fragment: an answer draws nothing else again."""
    sample = library.sample(view.report)
    st.subheader("How many are false? An estimate", anchor=False, help=WHY.format(depth=sample.depth))
    if failure := labeling_session.pop_failure():
        notices.failure(*failure)
    current = library.verdicts.current()
    rate = sample.rate(current)
    st.markdown(sentences.estimate_sentence(rate, sample.depth))
    wanted = min(WANTED_ANSWERS, len(sample))
    if rate.num_answers < wanted:
        st.progress(rate.num_answers / wanted, f"{rate.num_answers} of {wanted} answers")
    drawn = sample_session.next_pair(library, sample, current)
    if drawn is None:
        st.info("No pair of the sample is left to answer here.")
    else:
        _pair(library, drawn)
    _buttons(library, drawn)


def _pair(library: Library, drawn: sk.DrawnPair) -> None:
    st.caption("Are these two of the same kind? Answer with the keys **1** to **3**; **U** takes the last answer back.")
    pictures = [library.picture(id_) for id_ in (drawn.anchor_id, drawn.negative_id)]
    cards = [
        Card(role, (Picture(data_uri(picture), words),))
        for role, words, picture in zip(
            ("first", "second"), ("the first image", "the second image"), pictures, strict=True
        )
    ]
    with st.container(key="sample_pair"):
        gallery(cards, key="sample_cards", label="the pair of the sample", card_width=150)


def _buttons(library: Library, drawn: sk.DrawnPair | None) -> None:
    with st.container(key="sample_answers", horizontal=True):
        for verdict, words, shortcut in CHOICES if drawn is not None else ():
            assert drawn is not None
            st.button(
                words,
                # The pair is in each key: a press that was meant for one pair can never be taken for an answer to the next.
                key=f"sample {verdict} {key_of(drawn.pair)}",
                shortcut=shortcut,
                on_click=sample_session.answer,
                args=(library, drawn, verdict),
            )
        st.button(
            "Undo",
            icon=":material/undo:",
            key="sample_undo",
            shortcut="u",
            disabled=not sample_session.can_undo(),
            on_click=sample_session.undo,
            args=(library,),
        )
