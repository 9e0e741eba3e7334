"""The part of *Overview* that explains a false negative in three steps, with images of the corpus."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.view_models.cards import plain
from samekind.app.view_models.overview import steps_view
from samekind.app.widgets.gallery import gallery

CARD_WIDTH = 70
TITLES = ("1. One picture, two views", "2. All others are pushed away", "3. Some were of its own class")
WITHOUT_LABELS = "3. Some may be of its own class"
TEXTS = (
    "Training changes a picture, the **anchor**, and pulls the two views together.",
    "Every other image is a **negative**, whatever it shows. Nobody asks for its class.",
    "A negative of the anchor's class{} is a **false negative**: what belongs together is pushed apart.",
)


def show(library: Library) -> None:
    """Draws the three steps; nothing for a corpus of one image."""
    index, found = library.index, library.kept(_example)
    if found is None:
        return
    st.subheader("What is a false negative?", anchor=False)
    thumbnails = index.thumbnails([index.ids[row] for row in (found.anchor, *found.others)])
    anchor_label = None if index.labels is None else index.labels[found.anchor]
    cards = (
        steps_view.pair_cards(index.ids[found.anchor], anchor_label, thumbnails[0]),
        steps_view.other_cards(found, index.ids, index.labels, thumbnails[1:], told=False),
        steps_view.other_cards(found, index.ids, index.labels, thumbnails[1:], told=True),
    )
    titles = TITLES if found.same is not None else (*TITLES[:2], WITHOUT_LABELS)
    with st.container(key="steps"):
        for place, column in enumerate(st.columns(3, gap="small", border=True)):
            with column:
                st.markdown(f"**{titles[place]}**")
                st.caption(TEXTS[place].format("" if found.same is None else f", {plain(anchor_label or '')},"))
                gallery(cards[place], key=f"step_{place + 1}", label=titles[place], card_width=CARD_WIDTH)


def _example(library: Library) -> steps_view.Example | None:
    """Chosen among all images, hence once for all sessions."""
    return steps_view.example(library.index.labels, len(library.index))
