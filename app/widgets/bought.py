"""The part of *Same or different?* that adapts the search while answers come in, and shows what they have bought."""

from __future__ import annotations

import streamlit as st

from samekind.app.state.labeling import adapting_session, labeling_session
from samekind.app.state.labeling.answers import Answers
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import bought_view
from samekind.app.view_models.bought_view import Bought
from samekind.app.view_models.cards import plain
from samekind.app.view_models.label_pairs_view import Progress
from samekind.app.widgets import notices
from samekind.app.widgets.gallery import gallery

NEIGHBOURS = 8
SECONDS_BETWEEN_LOOKS = 0.5


def progress(library: Library, answers: Answers) -> Progress:
    """How far the answers about images of this index are; with a damaged adaptation, of which the panel tells, as if there were none."""
    from samekind import SamekindError

    try:
        steps = library.index.adaptations()
    except SamekindError:
        steps = []
    return Progress.of(labeling_session.of_this_index(library, answers.known), steps)


def show(library: Library, answers: Answers, anchor: str | None) -> None:
    """Draws the panel.

    Args:
        library: the opened index with its verdicts.
        answers: what people have said by now.
        anchor: id of the image that is asked about; `None` if there is none.
    """
    from samekind import SamekindError

    with st.container(border=True, key="bought"):
        st.subheader("What your answers have bought", anchor=False)
        _switch(library)
        _outcome(library)
        try:
            found = Bought.of(labeling_session.of_this_index(library, answers.known), library.index.adaptations())
            _figures(found)
            if anchor is not None and found.steps:
                _neighbours(library, anchor)
        except SamekindError as error:
            notices.failure(str(error), error.hint)


def _switch(library: Library) -> None:
    """Buttons before the switch: Tab leads here from the field of notes, and a switch keeps the keys 1 to 5 to itself."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Adapt now", icon=":material/auto_fix_high:", key="adapt", on_click=library.adapt_later)
        st.button(
            "Undo adaptation",
            icon=":material/history:",
            key="undo_adaptation",
            help="Takes the last adaptation back, and turns the switch off. Your answers stay.",
            disabled=library.index.adaptation is None,
            on_click=adapting_session.undo,
            args=(library,),
        )
        st.toggle(
            "Adapt the search as answers come in",
            value=True,
            key=adapting_session.ADAPT,
            persist_state="session",
            help="After every screen, or ten pairs: searches then use what you called the same. It takes a moment, in the background.",
        )


def _outcome(library: Library) -> None:
    """What came of the last step; while one is under way, a line that looks for its end."""
    if library.adapting.is_running:
        st.fragment(_wait, run_every=SECONDS_BETWEEN_LOOKS)(library)
    elif library.adapting.line:
        st.caption(plain(library.adapting.line))


def _wait(library: Library) -> None:
    if not library.adapting.is_running:
        st.rerun()
    st.caption("Adapting the search to the answers …")


def _figures(found: Bought) -> None:
    from samekind.app.view_models import charts

    held_out, figure = found.held_out(), charts.bought(found.steps)
    left, right = (st.container(), None) if figure is None else st.columns([2, 3], gap="medium")
    with left:
        if held_out is None:
            st.caption(bought_view.NOTHING_YET)
        else:
            after, gain, before = held_out
            st.metric(
                "Held-out images told from others",
                after,
                gain,
                delta_description=f"{before} before",
                help="Of images that were called the same some are held out. How often is such an image nearer to the rest of its group "
                "than one that was called different? ± is the standard error over the groups.",
            )
        with st.container(horizontal=True):
            st.metric("Answers", f"{found.answers:,}", width="content")
            st.metric("Groups of the same kind", f"{found.groups:,}", width="content")
            st.metric("Images in them", f"{found.images:,}", width="content")
        st.caption(bought_view.worth_sentence(found.steps))
    if right is not None:
        right.plotly_chart(figure, key="bought_chart", config={"displayModeBar": False})


def _neighbours(library: Library, anchor: str) -> None:
    """The images nearest to the anchor in the encoder's space and in the adapted one; found only when somebody wants to see them."""
    opened = st.expander("The anchor's nearest images, before and after", key="bought_neighbours", on_change="rerun")
    if not opened.open:
        return
    before: list[str] | None = None
    with opened:
        for when, adapted in (("before", False), ("after", True)):
            hits = library.neighbours(Query(anchor, anchor), NEIGHBOURS, None, leave_out_itself=True, adapted=adapted)
            ids = [hit.id for hit in hits]
            cards = bought_view.neighbour_cards(
                hits, library.index.thumbnails(ids), before=before, revealed=labeling_session.are_labels_shown()
            )
            st.caption(bought_view.row_words(ids, before))
            gallery(cards, key=f"nearest {when}", label=f"nearest {when}", card_width=56)
            before = ids
