"""The mode *Groups* of *Same or different?*: screen after screen, and those that were answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session, screen_session
from samekind.app.state.labeling.answers import Answers
from samekind.app.state.library import Library
from samekind.app.view_models import screen_view
from samekind.app.view_models.label_pairs_view import Progress
from samekind.app.view_models.marks import Marks
from samekind.app.view_models.screen_view import AnsweredScreen
from samekind.app.widgets import bought, notices, waiting
from samekind.app.widgets.gallery import gallery
from samekind.app.widgets.screen_grid import screen_grid
from samekind.core.text import counted

if TYPE_CHECKING:
    import samekind as sk
    from samekind.app.jobs.job import Job

HISTORY = 8
SECONDS_FOR_COPIES = 0.3
"""A screen waits that long for its near copies, and is drawn without these marks if torch has to be imported first."""
GROUPS, MODE = "Groups", "labeling_mode"
"""Name of this mode, and key of the choice between it and the other one."""


def show(library: Library, answers: Answers) -> Progress:
    """Draws the mode; returns the progress of all answers."""
    offer = screen_session.next_screen(library, answers.asked)
    if failure := labeling_session.pop_failure():
        notices.failure(*failure)
    progress = bought.progress(library, answers)
    num_unseen = screen_session.pool(library).num_unseen(answers.asked)
    if screen_session.is_among():
        _among(library)
    st.progress(progress.share, screen_view.progress_sentence(answers.verdicts, num_unseen))
    st.caption(progress.sentence())
    if offer.screen is None:
        _no_screen(offer.are_leased)
    else:
        looking = library.near_copies(_ids(offer.screen))
        copies = looking.soon(SECONDS_FOR_COPIES)
        _screen(library, offer.screen, offer.marks, answers, copies or [])
    answered = screen_view.answered_screens(answers.verdicts)
    with st.container(horizontal=True):
        if offer.screen is not None:
            _skip_button(library, offer.screen)
        _undo_button(library, answered)
    _contradictions(answers)
    bought.show(library, answers, None if offer.screen is None else offer.screen.anchor.id)
    _history(library, answered[:HISTORY])
    if offer.screen is not None and copies is None:
        _mark_copies(looking)
    return progress


def _screen(
    library: Library, screen: sk.Screen, marks: Marks, answers: Answers, copies: Sequence[tuple[str, str]]
) -> None:
    revealed = labeling_session.are_labels_shown()
    ids = [image.id for image in screen.images]
    doubted = library.doubted() if revealed else frozenset[str]()
    badges = screen_view.suspicions(screen, copies, doubted)
    screen_grid(
        screen.id,
        screen_view.anchor_card(
            screen, library.picture(screen.anchor.id), badges.get(screen.anchor.id, ()), revealed=revealed
        ),
        screen_view.image_cards(screen, library.index.thumbnails(ids), badges, revealed=revealed),
        marks=marks,
        names=sorted({*answers.names, *(library.classes if revealed else [])}),
        has_labels=revealed,
        on_answer=lambda id_, given: screen_session.answer(library, id_, given),
    )


def _mark_copies(looking: Job[list[tuple[str, str]]]) -> None:
    """Draws the page again once it is known which images are near copies, of a screen that was drawn without."""
    found = waiting.result(lambda: looking, "Looking for near copies …")
    if found:
        st.rerun()


def _ids(screen: sk.Screen) -> tuple[str, ...]:
    return (screen.anchor.id, *(image.id for image in screen.images))


def _among(library: Library) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Only the images that you selected are asked about.")
        st.button("Ask about all", key="ask_about_all", on_click=screen_session.ask_about_all, args=(library,))


def _no_screen(are_leased: bool) -> None:
    if are_leased:
        st.info("Other people are labeling what comes next: try again shortly, some will be free then.")
        st.button("Try again", icon=":material/refresh:", key="try_again")
    elif skipped := screen_session.num_skipped():
        st.info(f"Nothing is left to label here but {counted(skipped, 'group')} that you skipped.")
        st.button("Show them", key="show_skipped", on_click=screen_session.forget_skipped)
    else:
        st.info("Nothing is left to label here.")


def _skip_button(library: Library, screen: sk.Screen) -> None:
    st.button(
        "Skip",
        icon=":material/skip_next:",
        key=f"skip {screen.id}",  # a second press must not skip what nobody has seen yet
        shortcut="s",
        help="Stores nothing; you are not shown this anchor again.",
        on_click=screen_session.skip,
        args=(library, screen),
    )


def _undo_button(library: Library, answered: Sequence[AnsweredScreen]) -> None:
    last = screen_session.last_own_screen(answered)
    st.button(
        "Undo",
        icon=":material/undo:",
        key="undo",
        shortcut="u",
        help="Takes all answers of your last group back, and shows it again.",
        disabled=last is None,
        on_click=screen_session.undo,
        args=(library, last),
    )


def _contradictions(answers: Answers) -> None:
    from samekind import link_constraints

    if conflicts := answers.naming.conflicts:
        st.warning(
            f"{counted(len(conflicts), 'conflict')} between names, or between names and answers: what cannot all be true is not used. "
            "`samekind labels conflicts` lists it."
        )
    if found := link_constraints(answers.verdicts.values()).contradictions:
        st.warning(
            f"{counted(len(found), 'pair')} called different, though other answers join the two: *Pairs* lists them. "
            "Until that is corrected their group is left out of training."
        )


def _history(library: Library, answered: Sequence[AnsweredScreen]) -> None:
    found = [(each, library.screens.about(each.anchor, each.images)) for each in answered]
    known = [(each, screen) for each, screen in found if screen is not None]
    if not known:
        return
    st.subheader("Last groups", anchor=False)
    cards = [
        screen_view.answered_card(each, screen, library.index.thumbnails(_shown(each, screen)))
        for each, screen in known
    ]
    by_id = {each.id: each for each, _ in known}
    gallery(
        cards,
        key="groups",
        label="last groups, newest first",
        on_pick=lambda id_: screen_session.undo(library, by_id[id_]),
        card_width=170,
    )


def _shown(answered: AnsweredScreen, screen: sk.Screen) -> list[str]:
    """The anchor, and the first image that is the same, if any."""
    return [screen.anchor.id, *(image.id for image in screen.images if image.sha256 in answered.same)][:2]
