"""One visitor's work in the mode *Groups* of *Label pairs*: the screen that comes next, answering, skipping it, and taking it back.

A screen stays until it is answered or skipped here, or one of its pairs is answered elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state import adapting_session, labeling_session
from samekind.app.state.library import Library
from samekind.app.view_models.pairs import Pair
from samekind.app.view_models.screen_view import AnsweredScreen

if TYPE_CHECKING:
    import samekind as sk

MOST_TABS = 20
"""Screens before other tabs that are passed over."""
_SHOWN, _SAME, _SKIPPED, _OWN = (f"labeling_screen_{name}" for name in ("shown", "same", "skipped", "own"))


@dataclass(frozen=True)
class Offer:
    """What comes next.

    Attributes:
        screen: the screen; `None` if there is none.
        same: ids that are marked at first: those of an answer that was taken back.
        are_leased: true if there is none because other tabs show those that come next.
    """

    screen: sk.Screen | None
    same: tuple[str, ...] = ()
    are_leased: bool = False


def next_screen(library: Library, current: Mapping[Pair, sk.Verdict]) -> Offer:
    """The screen to show."""
    from samekind import ConstraintClosure

    state, closure = st.session_state, ConstraintClosure(current)
    shown_for, shown = state.get(_SHOWN, (None, None))
    if shown is not None and shown_for == id(library) and not any(pair in closure for pair in shown.pairs):
        _lease(library, shown)
        return Offer(shown, state.get(_SAME, ()))
    _show(library, None)
    leave_out = set(_skipped())
    for _ in range(MOST_TABS):
        found = library.screens.acquire(current, 1, leave_out=leave_out)
        if not found:
            return Offer(None, are_leased=leave_out > _skipped())
        if _lease(library, found[0]):
            _show(library, found[0])
            return Offer(found[0])
        leave_out.add(found[0].anchor.sha256)
    return Offer(None, are_leased=True)


def answer(library: Library, screen: str, same: Sequence[str]) -> None:
    """Adds the answers to the screen that is shown. A press that comes twice, before the next one is there, counts once.

    Args:
        library: the opened index with its verdicts.
        screen: id of the screen that the answers are about.
        same: ids of the images that are of the anchor's kind.
    """
    _, shown = st.session_state.get(_SHOWN, (None, None))
    if shown is None or shown.id != screen:
        return
    if labeling_session.add(library, shown.verdicts(same, labeling_session.annotator())):
        _own().append(screen)
        _show(library, None)
        adapting_session.after_screen(library)


def skip(library: Library, screen: sk.Screen) -> None:
    """Leaves a screen unanswered; its anchor is not shown again in this tab."""
    _skipped().add(screen.anchor.sha256)
    _show(library, None)


def forget_skipped() -> None:
    """Shows the screens again that were skipped."""
    _skipped().clear()


def num_skipped() -> int:
    """Screens that were skipped in this tab."""
    return len(_skipped())


def undo(library: Library, answered: AnsweredScreen) -> None:
    """Takes the answers of a screen back that still hold, and shows it again, marked as it was."""
    if not labeling_session.withdraw(library, answered.id):
        return
    screen = library.screens.about(answered.anchor, answered.images)
    _show(library, screen)
    if screen is not None:
        st.session_state[_SAME] = tuple(image.id for image in screen.images if image.sha256 in answered.same)


def last_own_screen(answered: Sequence[AnsweredScreen]) -> AnsweredScreen | None:
    """The screen that this tab answered last, of those whose answers still hold."""
    by_id = {each.id: each for each in answered}
    return next((by_id[screen] for screen in reversed(_own()) if screen in by_id), None)


def _show(library: Library, screen: sk.Screen | None) -> None:
    st.session_state[_SHOWN] = (id(library), screen)
    st.session_state[_SAME] = ()


def _lease(library: Library, screen: sk.Screen) -> bool:
    return library.leases.acquire(("screen", screen.anchor.sha256), labeling_session.tab())


def _skipped() -> set[str]:
    """Anchors of the screens that this tab skipped."""
    skipped: set[str] = st.session_state.setdefault(_SKIPPED, set())
    return skipped


def _own() -> list[str]:
    """The screens that this tab answered, the last one last."""
    own: list[str] = st.session_state.setdefault(_OWN, [])
    return own
