"""One visitor's work on the page *Same or different?*: the pair that comes next, annotating it, and taking annotations back.

The queue is a batch of candidate pairs in the session's state. The table of verdicts is read again at every run, so that a pair which
another tab has annotated in the meantime is passed over; verdicts are only ever appended.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import streamlit as st

from samekind.app.state.labeling import adapting_session
from samekind.app.state.library import Library
from samekind.app.view_models.pairs import Pair

if TYPE_CHECKING:
    import samekind as sk

BATCH = 20
FIRST_BATCH = 3  # until answers have calibrated: what comes next depends on what was answered so far
WITHDRAWN = "withdrawn"
Classes = tuple[str, str] | None
Role = Literal["anchor", "negative"]
ANNOTATOR, NOTE, SHOW_LABELS, TAB = "labeling_annotator", "labeling_note", "labeling_show_labels", "labeling_tab"
_WORK, _FAILURE = "labeling_pairs", "labeling_failure"


@dataclass
class _Work:
    """The state of one tab.

    It is one object, changed in place, as that of screens: Streamlit may break a callback off whenever that looks into the session's state,
    because another press has come in, and an answer must not be stored twice for that.

    Attributes:
        queued_for: the index and the classes that the queue is of.
        queue: the batch that comes next.
        pool: what it is from; of a large index there is a larger one soon.
        shown: the pair that can be answered.
        revisited: a pair that comes before the queue.
        asking_whose: the pair of which the visitor is asked whose label is wrong.
        is_note_used: the note belongs to an answer that is stored.
        own: pairs that this tab annotated, the last one last, each with anchor and negative as they were shown.
    """

    queued_for: tuple[int, Classes] | None = None
    queue: sk.CandidatePairs | None = None
    pool: sk.CandidatePool | None = None
    shown: Pair | None = None
    revisited: Pair | None = None
    asking_whose: Pair | None = None
    is_note_used: bool = False
    own: dict[Pair, Pair] = field(default_factory=dict)

    def answered(self, pair: Pair, shown: Pair) -> None:
        self.shown = self.revisited = self.asking_whose = None
        self.is_note_used = True
        self.own.pop(pair, None)
        self.own[pair] = shown


def next_pair(
    library: Library, current: Mapping[Pair, sk.Verdict], classes: Classes
) -> tuple[sk.CandidatePair | None, sk.CandidatePairs]:
    """The pair to show, and the batch it is from; `None` if there is none left.

    A pair stays until it is annotated, here or in another tab. One that is revisited comes before the queue.
    """
    from samekind import ConstraintClosure

    work, closure, batch = _work(), ConstraintClosure(current), _work().queue
    if work.is_note_used:
        st.session_state[NOTE], work.is_note_used = "", False
    if batch is None or work.queued_for != (id(library), classes):
        batch = _fetch(library, current, classes)
    found = None if work.revisited is None else library.pool().about(work.revisited)
    if found is not None:
        library.leases.acquire(found.pair, tab())  # so that no other tab shows it at the same time
    else:
        found = _first_open(library, batch, closure)
    has_more = bool(batch.num_left) or any(candidate.pair not in closure for candidate in batch)
    if found is None and (has_more or work.pool is not library.pool()):
        batch = _fetch(library, current, classes)
        found = _first_open(library, batch, closure)
    work.shown = None if found is None else found.pair
    return found, batch


def _fetch(library: Library, current: Mapping[Pair, sk.Verdict], classes: Classes) -> sk.CandidatePairs:
    work = _work()
    work.pool = library.pool()
    batch = work.pool.acquire(current, BATCH, classes=classes, order="mixed")
    if not batch.num_answers:
        batch = replace(batch, items=batch.items[:FIRST_BATCH])
    work.queued_for, work.queue = (id(library), classes), batch
    return batch


def _first_open(library: Library, batch: sk.CandidatePairs, closure: sk.ConstraintClosure) -> sk.CandidatePair | None:
    """The first pair of a batch that has no annotation yet and that no other tab shows."""
    candidates = (candidate for candidate in batch if candidate.pair not in closure)
    return next((candidate for candidate in candidates if library.leases.acquire(candidate.pair, tab())), None)


def num_left(batch: sk.CandidatePairs, current: Mapping[Pair, sk.Verdict]) -> int:
    """Number of pairs left to label; exact when a batch is fetched, and counted down within it."""
    return batch.num_left - sum(candidate.pair in current for candidate in batch)


def of_this_index(library: Library, current: Mapping[Pair, sk.Verdict]) -> dict[Pair, sk.Verdict]:
    """The annotations of images of this index: nothing is learned here from others, which may have come by a CSV file."""
    return {pair: verdict for pair, verdict in current.items() if library.screens.holds(pair)}


def are_leased(batch: sk.CandidatePairs, current: Mapping[Pair, sk.Verdict]) -> bool:
    """True if a batch that had no pair for this tab still has some without an annotation: other tabs show all of them."""
    from samekind import ConstraintClosure

    closure = ConstraintClosure(current)
    return any(candidate.pair not in closure for candidate in batch)


def is_revealed(candidate: sk.CandidatePair) -> bool:
    """True if labels may be seen: always, because the visitor wants it so, or because a wrong label is to be named."""
    return are_labels_shown() or is_asking_whose(candidate)


def are_labels_shown() -> bool:
    """True if the visitor wants to see labels."""
    return bool(st.session_state.get(SHOW_LABELS))


def ask_whose(candidate: sk.CandidatePair) -> None:
    """Shows the labels and asks whose is wrong: that cannot be said without seeing them."""
    _work().asking_whose = candidate.pair


def is_asking_whose(candidate: sk.CandidatePair) -> bool:
    """True if the visitor is asked whose label is wrong."""
    return _work().asking_whose == candidate.pair


def stop_asking_whose() -> None:
    """Drops the question whose label is wrong; the pair stays."""
    _work().asking_whose = None


def annotate(library: Library, candidate: sk.CandidatePair, verdict: str, about: Role = "anchor") -> None:
    """Adds a verdict on the pair that is shown.

    A press that comes twice, before the next pair is there, counts once.

    Args:
        library: the opened index with its verdicts.
        candidate: the pair.
        verdict: the verdict.
        about: whose label is wrong; a verdict is about its anchor's, so that the two change roles where it is the negative's.
    """
    from samekind import Verdict

    work, who, note = _work(), annotator(), str(st.session_state.get(NOTE, ""))
    if work.shown != candidate.pair:
        return
    shown = candidate.anchor_sha256, candidate.negative_sha256
    anchor, negative = shown if about == "anchor" else shown[::-1]
    work.shown, is_written = None, False
    try:
        is_written = add(library, [Verdict(anchor, negative, verdict, who=who, note=note.strip())])
    finally:
        if is_written:
            work.answered(candidate.pair, shown)
        else:
            work.shown = candidate.pair
    if is_written:
        adapting_session.after_pair(library)


def undo(library: Library, pair: Pair) -> None:
    """Takes the verdict on a pair back, and shows the pair again."""
    work, verdict = _work(), library.verdicts.current().get(pair)
    if verdict is None:  # another tab was quicker
        work.own.pop(pair, None)
    elif record(library, [(verdict.anchor_sha256, verdict.negative_sha256, WITHDRAWN)]):
        work.revisited = work.own.pop(pair, (verdict.anchor_sha256, verdict.negative_sha256))


def revisit(library: Library, pair: Pair) -> None:
    """Shows a pair again, whose verdict stays until there is another."""
    _work().revisited = pair


def back_to_queue() -> None:
    """Drops the pair that is revisited."""
    _work().revisited = None


def is_revisiting() -> bool:
    """True if the pair shown is one that is revisited."""
    return _work().revisited is not None


def last_own_pair() -> Pair | None:
    """The pair that this tab annotated last."""
    return next(reversed(_work().own), None)


def pop_failure() -> tuple[str, str] | None:
    """Message and hint of a verdict that could not be written; given once."""
    failure: tuple[str, str] | None = st.session_state.pop(_FAILURE, None)
    return failure


def annotator() -> str:
    """The visitor's name as given on *Same or different?*, or else the login name."""
    return str(st.session_state.get(ANNOTATOR, login_name())).strip()


def login_name() -> str:
    """The user of this machine; empty if it does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without a user of that number
        return ""


def record(library: Library, verdicts: Sequence[tuple[str, str, str]]) -> bool:
    """Adds verdicts in the visitor's name; true if they are in the table now. If not, `pop_failure` gives the reason at the next run.

    Args:
        library: the opened index with its verdicts.
        verdicts: hashes of anchor and negative, and the verdict.
    """
    from samekind import Verdict

    who = annotator()
    return add(library, [Verdict(*each, who=who) for each in verdicts])


def add(library: Library, verdicts: Sequence[sk.Verdict]) -> bool:
    """Adds verdicts; true if they are in the table now. If not, `pop_failure` gives the reason at the next run."""
    return _succeeds(lambda: library.verdicts.add(verdicts))


def withdraw(library: Library, screen: str, who: str) -> bool:
    """Takes the answers of a screen back, in somebody's name; true and false as `add`."""
    return _succeeds(lambda: library.verdicts.withdraw(screen, who))


def give_names(library: Library, given: Sequence[sk.GivenLabel]) -> bool:
    """Adds class names of images; true and false as `add`."""
    return _succeeds(lambda: library.labels.add(given))


def next_time(library: Library) -> str:
    """One moment for a name and the answers beside it, by which the name is found again: later than all that both tables have."""
    return max(library.labels.next_time(), library.verdicts.next_time()).isoformat()


def take_name_back(library: Library, given_with: sk.Verdict | sk.GivenLabel) -> str | None:
    """Takes back the name that was given at an answer's moment; returns it, empty if there is none. `None` is as false of `add`."""
    taken: list[sk.GivenLabel] = []
    if not _succeeds(lambda: taken.extend(library.labels.take_back(given_with.when, given_with.who))):
        return None
    return taken[0].label if taken else ""


def take_names_back(library: Library, when: str, who: str, images: Collection[str]) -> bool:
    """Takes back the names that somebody gave to these images at one moment; true and false as `add`."""
    return _succeeds(lambda: library.labels.take_back(when, who, images))


def tab() -> str:
    """Name of this tab, for leases."""
    name: str = st.session_state.setdefault(TAB, uuid.uuid4().hex)
    return name


def _succeeds(write: Callable[[], object]) -> bool:
    from samekind import SamekindError

    try:
        write()
    except SamekindError as error:
        st.session_state[_FAILURE] = (str(error), error.hint)
        return False
    return True


def _work() -> _Work:
    work: _Work = st.session_state.setdefault(_WORK, _Work())
    return work
