"""The part of *Overview* that shows one anchor beside its ten hardest negatives, in plain words."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models import audit_view
from samekind.app.view_models.audit_view import AuditView
from samekind.app.view_models.overview import sentences
from samekind.app.widgets.gallery import gallery


def show(library: Library, view: AuditView, anchor: int) -> None:
    """Draws an anchor and its negatives.

    Args:
        library: the opened index.
        view: its audit.
        anchor: number of the anchor.
    """
    negatives, id_, label = view.negatives(anchor), view.id(anchor), view.label(anchor)
    picture, *pictures = library.index.thumbnails([id_, *(negative.id for negative in negatives)])
    st.subheader("One picture and what training pushes away from it", anchor=False)
    st.markdown(sentences.anchor_words(label, negatives, view.report.base_rate))
    left, right = st.columns([1, 4], gap="medium")
    with left:
        gallery(
            [audit_view.anchor_card(id_, label, picture)], key="overview_anchor", label="the anchor", card_width=130
        )
    with right:
        cards = audit_view.negative_cards(negatives, pictures)
        gallery(cards, key="overview_negatives", label="its hardest negatives, most similar first", card_width=126)
    st.page_link("screens/false_negatives.py", label="More anchors, and all figures", icon=":material/arrow_forward:")
