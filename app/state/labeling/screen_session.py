"""One visitor's work in the mode *Groups* of *Same or different?*: the screen that comes next, answering, skipping it, and taking it back.

A screen stays until it is answered or skipped here, or one of its pairs is answered elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import adapting_session, labeling_session
from samekind.app.state.library import Library
from samekind.app.state.query import Query
from samekind.app.view_models import curation_view, screen_view
from samekind.app.view_models.label_pairs_view import DUPLICATE, WRONG_LABEL
from samekind.app.view_models.marks import NO_MARKS, Marks
from samekind.app.view_models.pairs import Pair
from samekind.app.view_models.screen_view import AnsweredScreen

if TYPE_CHECKING:
    import samekind as sk

MOST_TABS = 20
"""Screens before other tabs that are passed over."""
PARTNERS = 20
"""Images near one whose label is wrong, of which one stands beside it in the verdict."""
_WORK = "labeling_screens"


@dataclass
class _Work:
    """The state of one tab; `named` are names given with the screen that is shown, whose answers are not stored yet. Where some images
    only are asked about, `contents` has their hashes, and `among` makes their screens of the library `among_of`.

    It is one object, changed in place: Streamlit may break a callback off whenever that looks into the session's state, because another
    press has come in, and an answer must not be stored twice for that.
    """

    shown: sk.Screen | None = None
    shown_for: int = 0
    marks: Marks = NO_MARKS
    skipped: set[str] = field(default_factory=set)
    own: list[str] = field(default_factory=list)
    contents: frozenset[str] = frozenset()
    among: sk.ScreenPool | None = None
    among_of: int = 0
    named: list[sk.GivenLabel] = field(default_factory=list)

    def show(self, library: Library, screen: sk.Screen | None, marks: Marks = NO_MARKS) -> None:
        self.named = []
        self.shown, self.shown_for, self.marks = screen, id(library), marks


@dataclass(frozen=True)
class Offer:
    """What comes next.

    Attributes:
        screen: the screen; `None` if there is none.
        marks: what is marked at first: the marks of an answer that was taken back.
        are_leased: true if there is none because other tabs show those that come next.
    """

    screen: sk.Screen | None
    marks: Marks = NO_MARKS
    are_leased: bool = False


def next_screen(library: Library, current: Mapping[Pair, sk.Verdict]) -> Offer:
    """The screen to show, given what need not be asked."""
    from samekind import ConstraintClosure

    work, closure = _work(), ConstraintClosure(current)
    shown = work.shown
    # Names whose answers are not stored yet say already that some of its pairs are the same.
    is_open = shown is not None and (bool(work.named) or not any(pair in closure for pair in shown.pairs))
    if shown is not None and is_open and work.shown_for == id(library):
        _lease(library, shown)
        return Offer(shown, work.marks)
    work.show(library, None)
    leave_out = set(work.skipped)
    for _ in range(MOST_TABS):
        found = pool(library).acquire(current, 1, leave_out=leave_out)
        if not found:
            return Offer(None, are_leased=leave_out > work.skipped)
        if _lease(library, found[0]):
            work.show(library, found[0])
            return Offer(found[0])
        leave_out.add(found[0].anchor.sha256)
    return Offer(None, are_leased=True)


def pool(library: Library) -> sk.ScreenPool:
    """What screens are made of: all images, or those that this tab asks about."""
    work = _work()
    if not work.contents:
        return library.screens
    if work.among is None or work.among_of != id(library):
        from samekind import ScreenPool

        present = work.contents & set(library.index.rows.column("sha256"))  # some may have been taken out since
        if not present:
            work.contents = frozenset()
            return library.screens
        work.among, work.among_of = ScreenPool(library.index, present), id(library)
    return work.among


def ask_among(library: Library, ids: Sequence[str]) -> None:
    """Asks about these images only, from the next screen on."""
    work = _work()
    work.contents, work.among = frozenset(library.index.row(id_)["sha256"] for id_ in ids), None
    work.show(library, None)


def is_among() -> bool:
    """True if some images only are asked about."""
    return bool(_work().contents)


def ask_about_all(library: Library) -> None:
    """Asks about all images again."""
    work = _work()
    work.contents, work.among = frozenset(), None
    work.show(library, None)


def answer(library: Library, screen: str, marks: Marks) -> None:
    """Adds the answers to the screen that is shown. A press that comes twice, before the next one is there, counts once.

    Names are written first, at the time of the verdicts. Where the verdicts then fail, the next press stores the same names no second
    time; other ones it takes back first.

    Args:
        library: the opened index with its verdicts.
        screen: id of the screen that the answers are about.
        marks: what was marked.
    """
    work, who = _work(), labeling_session.annotator()
    shown = work.shown
    if shown is None or shown.id != screen:
        return
    work.shown, is_written = None, False
    try:
        verdicts = _verdicts(library, shown, marks, who)
        named = [shown.anchor, *screen_view.images_at(shown, marks.same)] if marks.name else []
        when = _give_names(library, named, marks.name, who)
        is_written = when is not None and labeling_session.add(library, [replace(each, when=when) for each in verdicts])
    finally:
        if is_written:
            work.named = []
            work.own.append(screen)
        else:
            work.shown = shown
    if is_written:
        adapting_session.after_screen(library)


def skip(library: Library, screen: sk.Screen) -> None:
    """Leaves a screen unanswered, and unnamed; its anchor is not shown again in this tab."""
    work = _work()
    if work.named and _give_names(library, (), "", "") is None:
        return
    work.skipped.add(screen.anchor.sha256)
    work.show(library, None)


def forget_skipped() -> None:
    """Shows the screens again that were skipped."""
    _work().skipped.clear()


def num_skipped() -> int:
    """Screens that were skipped in this tab."""
    return len(_work().skipped)


def undo(library: Library, answered: AnsweredScreen) -> None:
    """Takes the answers of a screen back that still hold, with the name that was given, and shows it again, marked as it was."""
    work, who = _work(), labeling_session.annotator()
    name = labeling_session.take_name_back(library, answered.verdict)
    if name is not None and labeling_session.withdraw(library, answered.id, who):
        screen = library.screens.about(answered.anchor, answered.images)
        work.show(library, screen, NO_MARKS if screen is None else screen_view.marks_of(screen, answered, name))


def last_own_screen(answered: Sequence[AnsweredScreen]) -> AnsweredScreen | None:
    """The screen that this tab answered last, of those whose answers still hold."""
    by_id = {each.id: each for each in answered}
    return next((by_id[screen] for screen in reversed(_work().own) if screen in by_id), None)


def _give_names(library: Library, images: Sequence[sk.ScreenImage], name: str, who: str) -> str | None:
    """Stores the name of images of the screen that is shown, in place of what a press stored whose answers could not be.

    Returns:
        The moment of the name, for the answers beside it; `None` if it could not be stored.
    """
    from samekind import GivenLabel

    work = _work()
    told = [(image.sha256, name, who) for image in images]
    if work.named and told == [(each.sha256, each.label, each.who) for each in work.named]:
        return work.named[0].when
    if work.named and labeling_session.take_name_back(library, work.named[0]) is None:
        return None
    work.named = []
    given = [GivenLabel(*each, labeling_session.next_time(library)) for each in told[:1]]
    given += [replace(given[0], sha256=image) for image, _, _ in told[1:]]
    if not labeling_session.give_names(library, given):
        return None
    work.named = given
    return given[0].when if given else labeling_session.next_time(library)


def _verdicts(library: Library, screen: sk.Screen, marks: Marks, who: str) -> list[sk.Verdict]:
    """The answers: on each pair with the anchor, and on labels that are wrong."""
    same, duplicate = (
        [image.id for image in screen_view.images_at(screen, each)] for each in (marks.same, marks.duplicate)
    )
    verdicts = screen.verdicts(same, who)
    verdicts = [
        replace(each, verdict=DUPLICATE) if image.id in duplicate else each
        for each, image in zip(verdicts, screen.images, strict=True)
    ]
    wrong = screen_view.images_at(screen, marks.wrong_label)
    taken = dict(library.verdicts.current()) if wrong else {}
    for image in wrong:
        partner = _partner(library, screen, image, taken)
        if partner is not None:
            said = replace(verdicts[0], anchor_sha256=image.sha256, negative_sha256=partner, verdict=WRONG_LABEL)
            taken[said.pair] = said
            verdicts.append(said)
    return verdicts


def _partner(
    library: Library, screen: sk.Screen, image: sk.ScreenImage, taken: Mapping[Pair, sk.Verdict]
) -> str | None:
    """The image that stands beside one whose label is wrong: no pair of the screen, since nothing is said of the pair itself.

    Of those nearby the farthest that has no verdict beside it yet: a near one is worth asking about. `None` if there is no other image.
    """
    hits = library.neighbours(Query(image.id, image.id), PARTNERS, None, leave_out_itself=True, adapted=False)
    contents = [library.index.row(hit.id)["sha256"] for hit in reversed(hits)]
    others = [each for each in contents if each not in (image.sha256, screen.anchor.sha256)]
    return curation_view.negative_for(image.sha256, others, taken) if others else None


def _lease(library: Library, screen: sk.Screen) -> bool:
    return library.leases.acquire(("screen", screen.anchor.sha256), labeling_session.tab())


def _work() -> _Work:
    work: _Work = st.session_state.setdefault(_WORK, _Work())
    return work
