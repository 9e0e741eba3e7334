"""One visitor's answers about the random sample of hard negatives: the pair that comes next, and taking the last answer back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session
from samekind.app.state.library import Library
from samekind.app.view_models.pairs import Pair

if TYPE_CHECKING:
    import samekind as sk

_OWN = "sample_answered"


def next_pair(
    library: Library, sample: sk.HardNegativeSample, current: Mapping[Pair, sk.Verdict]
) -> sk.DrawnPair | None:
    """The first pair of the sample without an answer that no other tab shows; `None` if there is none."""
    tab = labeling_session.tab()
    return next((drawn for drawn in sample.open(current) if library.leases.acquire(drawn.pair, tab)), None)


def answer(library: Library, drawn: sk.DrawnPair, verdict: str) -> None:
    """Stores an answer, once: a press that comes twice finds the pair answered."""
    if drawn.pair in library.verdicts.current():
        return
    if labeling_session.record(library, [(drawn.anchor_sha256, drawn.negative_sha256, verdict)]):
        _own().append(drawn.pair)


def can_undo() -> bool:
    """True if this tab has given an answer."""
    return bool(_own())


def undo(library: Library) -> None:
    """Takes the last answer of this tab back that still holds; the pair comes again."""
    own, current = _own(), library.verdicts.current()
    while own and own[-1] not in current:  # taken back elsewhere
        own.pop()
    if own and labeling_session.record(library, [(*own[-1], labeling_session.WITHDRAWN)]):
        own.pop()


def _own() -> list[Pair]:
    own: list[Pair] = st.session_state.setdefault(_OWN, [])
    return own
