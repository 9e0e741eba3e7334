"""The page *Overview*: what this corpus is, what a false negative is, and where to go from here.

The audit may take a minute. What does not need it is drawn first, in the places that it has at the end.
"""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from samekind.app.state.library import CANDIDATE_DEPTH, Library
from samekind.app.view_models.audit_view import AuditView
from samekind.app.view_models.cards import plain
from samekind.app.view_models.overview import corpus_view, sentences
from samekind.app.view_models.overview.telling import telling
from samekind.app.widgets import notices, opening, waiting
from samekind.app.widgets.overview import anchor, searching, steps, tiles

COMPARING = "Comparing the encoder with raw pixels …"
ONE_IMAGE = "With a second image there would be something to compare."


def main() -> None:
    """Draws the page."""
    library = opening.library_or_stop()
    st.title("Overview", anchor=False)
    sentence, warning = st.empty(), st.container()
    corpus = corpus_view.corpus_sentence(len(library.index), len(library.classes), library.index.splits)
    sentence.markdown(corpus)
    searching.show(library)
    steps.show(library)
    below = st.container()
    tiles.show()
    with below:
        view = waiting.audit(library, CANDIDATE_DEPTH)
    if view is None:
        return
    if not view.report.k:
        sentence.markdown(f"{corpus} {ONE_IMAGE}")
        return
    sentence.markdown(f"{corpus} {sentences.measured(view)}")
    with warning:
        notices.own_space(library)
    if (shown := telling(view)) is not None:
        with below:
            anchor.show(library, view, shown)
    with warning:
        _warn(library, view)


def _warn(library: Library, view: AuditView) -> None:
    from samekind import SamekindError, run_card

    beside, bar = None, st.empty()

    def show(share: float) -> None:
        bar.progress(share, COMPARING)  # a page that draws nothing while it waits heeds no click

    with suppress(SamekindError):  # a warning that cannot be worked out is no reason for an error
        beside = library.beside_pixels().wait(show)
    bar.empty()
    if said := sentences.weakness(view, run_card(library.index), beside):
        st.warning(plain(said), icon=":material/warning:")


if __name__ == "__main__":
    main()
