"""The part of *Overview* that leads on: one tile for each page."""

from __future__ import annotations

import streamlit as st

TILES = {
    "screens/map.py": "All images at once: near each other where the encoder finds them similar.",
    "screens/search.py": "Choose or upload an image, and see what is most similar to it.",
    "screens/false_negatives.py": "Which images training pushes apart although they are of one class.",
    "screens/label_pairs.py": "Tell images apart with a few keys: the search adapts to your answers.",
    "screens/curation.py": "Labels that may be wrong, duplicates, and pictures that two splits share.",
}


def show() -> None:
    """Draws the tiles."""
    with st.container(horizontal=True, key="tiles"):
        for screen, meaning in TILES.items():
            with st.container(border=True, width=260):
                st.page_link(screen)
                st.caption(meaning)
