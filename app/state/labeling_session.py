"""One visitor's work on the page *Label pairs*: the pair that comes next, annotating it, and taking annotations back.

The queue is a batch of candidate pairs in the session's state. The table of verdicts is read again at every run, so that a pair which
another tab has annotated in the meantime is passed over; verdicts are only ever appended.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import streamlit as st

from samekind.app.state import adapting_session
from samekind.app.state.library import Library
from samekind.app.view_models.pairs import Pair

if TYPE_CHECKING:
    import samekind as sk

BATCH = 20
WITHDRAWN = "withdrawn"
Classes = tuple[str, str] | None
Role = Literal["anchor", "negative"]
ANNOTATOR, NOTE, SHOW_LABELS = "labeling_annotator", "labeling_note", "labeling_show_labels"
_QUEUE, _SHOWN, _REVISITED, _WRONG_LABEL, _OWN_PAIRS = (
    f"labeling_{name}" for name in ("queue", "shown", "revisited", "wrong_label", "own_pairs")
)
_FAILURE, _TAB = "labeling_failure", "labeling_tab"


def next_pair(
    library: Library, current: Mapping[Pair, sk.Verdict], classes: Classes
) -> tuple[sk.CandidatePair | None, sk.CandidatePairs]:
    """The pair to show, and the batch it is from; `None` if there is none left.

    A pair stays until it is annotated, here or in another tab. One that is revisited comes before the queue.
    """
    from samekind import ConstraintClosure

    state = st.session_state
    closure = ConstraintClosure(current)
    fetched_for, batch = state.get(_QUEUE, (None, None))
    if batch is None or fetched_for != (id(library), classes):
        batch = _fetch(library, current, classes)
    found = library.pool().about(state[_REVISITED]) if is_revisiting() else None
    if found is not None:
        library.leases.acquire(found.pair, tab())  # so that no other tab shows it at the same time
    else:
        found = _first_open(library, batch, closure)
    if found is None and (batch.num_left or any(candidate.pair not in closure for candidate in batch)):
        batch = _fetch(library, current, classes)
        found = _first_open(library, batch, closure)
    state[_SHOWN] = None if found is None else found.pair
    return found, batch


def _fetch(library: Library, current: Mapping[Pair, sk.Verdict], classes: Classes) -> sk.CandidatePairs:
    batch = library.pool().acquire(current, BATCH, classes=classes)
    st.session_state[_QUEUE] = ((id(library), classes), batch)
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
    st.session_state[_WRONG_LABEL] = candidate.pair


def is_asking_whose(candidate: sk.CandidatePair) -> bool:
    """True if the visitor is asked whose label is wrong."""
    return bool(st.session_state.get(_WRONG_LABEL) == candidate.pair)


def stop_asking_whose() -> None:
    """Drops the question whose label is wrong; the pair stays."""
    st.session_state[_WRONG_LABEL] = None


def annotate(library: Library, candidate: sk.CandidatePair, verdict: str, about: Role = "anchor") -> None:
    """Adds a verdict on the pair that is shown.

    A press that comes twice, before the next pair is there, counts once.

    Args:
        library: the opened index with its verdicts.
        candidate: the pair.
        verdict: the verdict.
        about: whose label is wrong; a verdict is about its anchor's, so that the two change roles where it is the negative's.
    """
    state = st.session_state
    if state.get(_SHOWN) != candidate.pair:
        return
    shown = candidate.anchor_sha256, candidate.negative_sha256
    anchor, negative = shown if about == "anchor" else shown[::-1]
    if record(library, [(anchor, negative, verdict)], state.get(NOTE, "")):
        state[_SHOWN] = state[_REVISITED] = state[_WRONG_LABEL] = None
        state[NOTE] = ""
        _own_pairs().pop(candidate.pair, None)
        _own_pairs()[candidate.pair] = shown
        adapting_session.after_pair(library)


def undo(library: Library, pair: Pair) -> None:
    """Takes the verdict on a pair back, and shows the pair again."""
    verdict = library.verdicts.current().get(pair)
    if verdict is None:  # another tab was quicker
        _own_pairs().pop(pair, None)
    elif record(library, [(verdict.anchor_sha256, verdict.negative_sha256, WITHDRAWN)]):
        st.session_state[_REVISITED] = _own_pairs().pop(pair, (verdict.anchor_sha256, verdict.negative_sha256))


def revisit(library: Library, pair: Pair) -> None:
    """Shows a pair again, whose verdict stays until there is another."""
    st.session_state[_REVISITED] = pair


def back_to_queue() -> None:
    """Drops the pair that is revisited."""
    st.session_state[_REVISITED] = None


def is_revisiting() -> bool:
    """True if the pair shown is one that is revisited."""
    return st.session_state.get(_REVISITED) is not None


def last_own_pair() -> Pair | None:
    """The pair that this tab annotated last."""
    return next(reversed(_own_pairs()), None)


def pop_failure() -> tuple[str, str] | None:
    """Message and hint of a verdict that could not be written; given once."""
    failure: tuple[str, str] | None = st.session_state.pop(_FAILURE, None)
    return failure


def annotator() -> str:
    """The visitor's name as given on *Label pairs*, or else the login name."""
    return str(st.session_state.get(ANNOTATOR, login_name())).strip()


def login_name() -> str:
    """The user of this machine; empty if it does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without a user of that number
        return ""


def record(library: Library, verdicts: Sequence[tuple[str, str, str]], note: str = "") -> bool:
    """Adds verdicts in the visitor's name; true if they are in the table now. If not, `pop_failure` gives the reason at the next run.

    Args:
        library: the opened index with its verdicts.
        verdicts: hashes of anchor and negative, and the verdict.
        note: the reason given.
    """
    from samekind import Verdict

    return add(library, [Verdict(*each, who=annotator(), note=note.strip()) for each in verdicts])


def add(library: Library, verdicts: Sequence[sk.Verdict]) -> bool:
    """Adds verdicts; true if they are in the table now. If not, `pop_failure` gives the reason at the next run."""
    return _succeeds(lambda: library.verdicts.add(verdicts))


def withdraw(library: Library, screen: str) -> bool:
    """Takes the answers of a screen back, in the visitor's name; true and false as `add`."""
    return _succeeds(lambda: library.verdicts.withdraw(screen, annotator()))


def tab() -> str:
    """Name of this tab, for leases."""
    name: str = st.session_state.setdefault(_TAB, uuid.uuid4().hex)
    return name


def _succeeds(write: Callable[[], object]) -> bool:
    from samekind import SamekindError

    try:
        write()
    except SamekindError as error:
        st.session_state[_FAILURE] = (str(error), error.hint)
        return False
    return True


def _own_pairs() -> dict[Pair, Pair]:
    """The pairs that this tab annotated, the last one last, each with anchor and negative as they were shown."""
    pairs: dict[Pair, Pair] = st.session_state.setdefault(_OWN_PAIRS, {})
    return pairs
