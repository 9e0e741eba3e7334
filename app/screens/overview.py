"""The page *Overview*: what this corpus is, and where to go from here."""

from __future__ import annotations

import streamlit as st

from samekind.app.view_models.overview import corpus_view
from samekind.app.widgets import opening
from samekind.app.widgets.overview import tiles


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("Overview", anchor=False)
    st.markdown(corpus_view.corpus_sentence(len(library.index), len(library.classes), library.index.splits))
    tiles.show()


if __name__ == "__main__":
    main()
