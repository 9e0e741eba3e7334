"""One visitor's work in the mode *Groups* of *Label pairs*: the screen that comes next, answering, skipping it, and taking it back.

A screen stays until it is answered or skipped here, or one of its pairs is answered elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
_WORK = "labeling_screens"


@dataclass
class _Work:
    """The state of one tab.

    It is one object, changed in place: Streamlit may break a callback off whenever that looks into the session's state, because another
    press has come in, and an answer must not be stored twice for that.
    """

    shown: sk.Screen | None = None
    shown_for: int = 0
    same: tuple[str, ...] = ()
    skipped: set[str] = field(default_factory=set)
    own: list[str] = field(default_factory=list)

    def show(self, library: Library, screen: sk.Screen | None, same: tuple[str, ...] = ()) -> None:
        self.shown, self.shown_for, self.same = screen, id(library), same


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

    work, closure = _work(), ConstraintClosure(current)
    shown = work.shown
    if shown is not None and work.shown_for == id(library) and not any(pair in closure for pair in shown.pairs):
        _lease(library, shown)
        return Offer(shown, work.same)
    work.show(library, None)
    leave_out = set(work.skipped)
    for _ in range(MOST_TABS):
        found = library.screens.acquire(current, 1, leave_out=leave_out)
        if not found:
            return Offer(None, are_leased=leave_out > work.skipped)
        if _lease(library, found[0]):
            work.show(library, found[0])
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
    work, who = _work(), labeling_session.annotator()
    shown = work.shown
    if shown is None or shown.id != screen:
        return
    work.shown, is_written = None, False
    try:
        is_written = labeling_session.add(library, shown.verdicts(same, who))
    finally:
        if is_written:
            work.own.append(screen)
        else:
            work.shown = shown
    if is_written:
        adapting_session.after_screen(library)


def skip(library: Library, screen: sk.Screen) -> None:
    """Leaves a screen unanswered; its anchor is not shown again in this tab."""
    work = _work()
    work.skipped.add(screen.anchor.sha256)
    work.show(library, None)


def forget_skipped() -> None:
    """Shows the screens again that were skipped."""
    _work().skipped.clear()


def num_skipped() -> int:
    """Screens that were skipped in this tab."""
    return len(_work().skipped)


def undo(library: Library, answered: AnsweredScreen) -> None:
    """Takes the answers of a screen back that still hold, and shows it again, marked as it was."""
    work = _work()
    if labeling_session.withdraw(library, answered.id):
        screen = library.screens.about(answered.anchor, answered.images)
        images = () if screen is None else screen.images
        work.show(library, screen, tuple(image.id for image in images if image.sha256 in answered.same))


def last_own_screen(answered: Sequence[AnsweredScreen]) -> AnsweredScreen | None:
    """The screen that this tab answered last, of those whose answers still hold."""
    by_id = {each.id: each for each in answered}
    return next((by_id[screen] for screen in reversed(_work().own) if screen in by_id), None)


def _lease(library: Library, screen: sk.Screen) -> bool:
    return library.leases.acquire(("screen", screen.anchor.sha256), labeling_session.tab())


def _work() -> _Work:
    work: _Work = st.session_state.setdefault(_WORK, _Work())
    return work
