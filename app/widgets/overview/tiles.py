"""The part of *Overview* that leads on: one tile for each page."""

from __future__ import annotations

import streamlit as st

TILES = {
    "screens/map.py": ("scatter_plot", "All images at once: near each other where the encoder finds them similar."),
    "screens/search.py": ("image_search", "Choose or upload an image, and see what is most similar to it."),
    "screens/false_negatives.py": ("difference", "Which images training pushes apart although they are of one class."),
    "screens/label_pairs.py": ("fact_check", "Tell images apart with a few keys: the search adapts to your answers."),
    "screens/curation.py": ("rule", "Labels that may be wrong, duplicates, and pictures that two splits share."),
    "screens/runs.py": ("model_training", "Start a training, watch it, and compare what came of several."),
    "screens/ideas.py": (
        "lightbulb",
        "From noise-contrastive estimation to the question behind this project, in figures that move.",
    ),
}
WIDTH = 245


def show() -> None:
    """Draws the tiles."""
    st.subheader("What you can do here", anchor=False)
    with st.container(horizontal=True, key="tiles"):
        for screen, (icon, meaning) in TILES.items():
            with st.container(border=True, width=WIDTH):
                st.page_link(screen, icon=f":material/{icon}:")
                st.caption(meaning)
