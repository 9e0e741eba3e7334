"""What the keys of *Clean up* are about: the entry that they answer, and the answers of this tab that U takes back, the last one first.

Each list of each artefact has its own answers: undo belongs to the list where an answer was given. All is one object of the session's
state, changed in place: a callback that looks into that state may be broken off, and an answer must not be stored without being listed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.library import Library

if TYPE_CHECKING:
    import samekind as sk

LABELS, DUPLICATES, LEAKS = "labels", "duplicates", "leaks"
_WORK = "clean_up_work"


@dataclass(frozen=True)
class Answered:
    """One press.

    Attributes:
        words: what it was about, as text.
        held: the verdicts of it that still hold.
    """

    words: str
    held: Callable[[Library], Sequence[sk.Verdict]]


@dataclass
class Work:
    """One list of one artefact, as this tab works on it.

    Attributes:
        own: answers that this tab gave, the last one last.
        skipped: entries that the keys pass over.
        chosen: the entry that was made the one that keys answer.
        taken_back: what the last undo was about, until there is another answer.
    """

    own: list[Answered] = field(default_factory=list)
    skipped: dict[str, None] = field(default_factory=dict)
    chosen: str = ""
    taken_back: str = ""

    def answered(self, words: str, held: Callable[[Library], Sequence[sk.Verdict]]) -> None:
        """Remembers an answer."""
        self.own.append(Answered(words, held))
        self.chosen = self.taken_back = ""

    def skip(self, entry: str) -> None:
        """Passes over an entry; once all are skipped, the one that was skipped first comes again."""
        self.skipped.pop(entry, None)
        self.skipped[entry] = None
        self.chosen = ""

    def current(self, open_ones: Collection[str]) -> str | None:
        """The entry that the keys answer: the chosen one, or the first that was not skipped; `None` if none is open."""
        if self.chosen in open_ones:
            return self.chosen
        fresh = (entry for entry in open_ones if entry not in self.skipped)
        again = (entry for entry in self.skipped if entry in open_ones)
        return next(fresh, next(again, None))


def work(library: Library, which: str) -> Work:
    """The work of this tab on a list of an artefact."""
    of_all: dict[tuple[str, str], Work] = st.session_state.setdefault(_WORK, {})
    return of_all.setdefault((str(library.index.path), which), Work())
