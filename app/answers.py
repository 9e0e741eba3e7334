"""One visitor's work on questions: which pair comes next, answering it, and taking answers back.

The queue is a batch of questions in the session's state. The table of verdicts is read again at every run, so that a pair which another tab
has answered in the meantime is passed over; answers are only ever appended.
"""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import streamlit as st

from samekind.app.state import Library

if TYPE_CHECKING:
    import samekind as sk
    from samekind.app.leases import Pair

BATCH = 20
WITHDRAWN = "withdrawn"
Classes = tuple[str, str] | None
Role = Literal["anchor", "negative"]
WHO, NOTE, LABELS = "confirm_who", "confirm_note", "confirm_labels"
_QUEUE, _SHOWN, _AGAIN, _REVEALED, _MINE = (
    f"confirm_{name}" for name in ("queue", "shown", "again", "revealed", "mine")
)
_FAILURE, _TAB = "confirm_failure", "confirm_tab"


def next_question(
    library: Library, current: Mapping[Pair, sk.Verdict], classes: Classes
) -> tuple[sk.CandidatePair | None, sk.CandidatePairs]:
    """The question to show, and the batch it is from; `None` if there is none left.

    A question stays until it is answered, here or in another tab. One that was called back comes before the queue.
    """
    from samekind import ConstraintClosure

    state = st.session_state
    state.setdefault(_TAB, uuid.uuid4().hex)
    answered = ConstraintClosure(current)
    asked_for, batch = state.get(_QUEUE, (None, None))
    if batch is None or asked_for != (id(library), classes):
        batch = _fetch(library, current, classes)
    found = library.pool().about(state[_AGAIN]) if is_called_back() else None
    if found is not None:
        library.desk.take(found.pair, state[_TAB])  # so that no other tab is asked it at the same time
    else:
        found = _first_open(library, batch, answered)
    if found is None and (batch.num_left or any(question.pair not in answered for question in batch)):
        batch = _fetch(library, current, classes)
        found = _first_open(library, batch, answered)
    state[_SHOWN] = None if found is None else found.pair
    return found, batch


def _fetch(library: Library, current: Mapping[Pair, sk.Verdict], classes: Classes) -> sk.CandidatePairs:
    batch = library.pool().acquire(current, BATCH, classes=classes)
    st.session_state[_QUEUE] = ((id(library), classes), batch)
    return batch


def _first_open(library: Library, batch: sk.CandidatePairs, answered: sk.ConstraintClosure) -> sk.CandidatePair | None:
    """The first question of a batch that has no answer yet and that no other tab is looking at."""
    tab = st.session_state[_TAB]
    open_ones = (question for question in batch if question.pair not in answered)
    return next((question for question in open_ones if library.desk.take(question.pair, tab)), None)


def left(batch: sk.CandidatePairs, current: Mapping[Pair, sk.Verdict]) -> int:
    """How many pairs are left to ask about; exact when a batch is fetched, and counted down within it."""
    return batch.num_left - sum(question.pair in current for question in batch)


def that_count(library: Library, current: Mapping[Pair, sk.Verdict]) -> dict[Pair, sk.Verdict]:
    """The answers about images of this index: from others, which may have come by a CSV file, nothing is learned here."""
    return {pair: verdict for pair, verdict in current.items() if library.pool().holds(pair)}


def are_before_others(batch: sk.CandidatePairs, current: Mapping[Pair, sk.Verdict]) -> bool:
    """Whether a batch that had no question for this tab still has some without an answer: other tabs are looking at all of them."""
    from samekind import ConstraintClosure

    answered = ConstraintClosure(current)
    return any(question.pair not in answered for question in batch)


def is_revealed(question: sk.CandidatePair) -> bool:
    """Whether labels may be seen: always, because the visitor wants it so, or because a wrong label is to be judged."""
    return bool(st.session_state.get(LABELS)) or is_asked_whose(question)


def ask_whose(question: sk.CandidatePair) -> None:
    """A wrong label cannot be judged unseen, nor without saying whose it is: shows the labels and asks."""
    st.session_state[_REVEALED] = question.pair


def is_asked_whose(question: sk.CandidatePair) -> bool:
    """Whether the visitor is asked whose label is wrong."""
    return bool(st.session_state.get(_REVEALED) == question.pair)


def stop_asking_whose() -> None:
    """Puts the question whose label is wrong aside; the pair stays."""
    st.session_state[_REVEALED] = None


def answer(library: Library, question: sk.CandidatePair, verdict: str, about: Role = "anchor") -> None:
    """Adds an answer.

    A press that comes twice, before the next question is there, counts once.

    Args:
        library: the opened index with its verdicts.
        question: the pair.
        verdict: the answer.
        about: whose label is wrong; a verdict is about its anchor's, so that the two change roles where it is the negative's.
    """
    state = st.session_state
    if state.get(_SHOWN) != question.pair:
        return
    asked = question.anchor_sha256, question.negative_sha256
    anchor, negative = asked if about == "anchor" else asked[::-1]
    if add(library, [(anchor, negative, verdict)], state.get(NOTE, "")):
        state[_SHOWN] = state[_AGAIN] = state[_REVEALED] = None
        state[NOTE] = ""
        _mine().pop(question.pair, None)
        _mine()[question.pair] = asked


def undo(library: Library, pair: Pair) -> None:
    """Takes the answer on a pair back, and shows the pair again."""
    verdict = library.verdicts.current().get(pair)
    if verdict is None:  # another tab was quicker
        _mine().pop(pair, None)
    elif add(library, [(verdict.anchor_sha256, verdict.negative_sha256, WITHDRAWN)]):
        st.session_state[_AGAIN] = _mine().pop(pair, (verdict.anchor_sha256, verdict.negative_sha256))


def again(library: Library, pair: Pair) -> None:
    """Shows a pair again, whose answer stays until there is another."""
    st.session_state[_AGAIN] = pair


def back_to_queue() -> None:
    """Puts aside a question that was called back."""
    st.session_state[_AGAIN] = None


def is_called_back() -> bool:
    """Whether the question shown was called back."""
    return st.session_state.get(_AGAIN) is not None


def last_of_mine() -> Pair | None:
    """The pair that this tab answered last."""
    return next(reversed(_mine()), None)


def failure() -> tuple[str, str] | None:
    """Message and hint of an answer that could not be written; told once."""
    told: tuple[str, str] | None = st.session_state.pop(_FAILURE, None)
    return told


def name() -> str:
    """The visitor's name as given on *Confirm*, or else the login name."""
    return str(st.session_state.get(WHO, login_name())).strip()


def login_name() -> str:
    """Who is working on this machine; empty if it does not say."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without a user of that number
        return ""


def add(library: Library, said: Sequence[tuple[str, str, str]], note: str = "") -> bool:
    """Adds answers in the visitor's name; whether they are in the table now. If not, `failure` tells why at the next run.

    Args:
        library: the opened index with its verdicts.
        said: hashes of anchor and negative, and the verdict.
        note: why.
    """
    from samekind import SamekindError, Verdict

    try:
        library.verdicts.add([Verdict(*each, who=name(), note=note.strip()) for each in said])
    except SamekindError as error:
        st.session_state[_FAILURE] = (str(error), error.hint)
        return False
    return True


def _mine() -> dict[Pair, Pair]:
    """The pairs that this tab answered, the last one last, each with anchor and negative as it was asked."""
    mine: dict[Pair, Pair] = st.session_state.setdefault(_MINE, {})
    return mine
