"""One visitor's work on the page *Map*: the image that was picked, those that were selected, and names given to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.labeling import labeling_session
from samekind.app.state.library import Library

if TYPE_CHECKING:
    import samekind as sk
    from samekind.app.jobs.job import Job

NAME = "map_name"
"""Key of the field for a class name."""
_PICKED, _SELECTED, _NAMED, _FAILED = "map_picked", "map_selected", "map_named", "map_failed"


def picked(library: Library) -> int | None:
    """Row of the image that was picked, if one is."""
    return library.positions.get(st.session_state.get(_PICKED, ""))


def pick(library: Library, row: int) -> None:
    """Picks an image."""
    if 0 <= row < len(library.index):
        st.session_state[_PICKED] = library.index.ids[row]


def selected(library: Library) -> list[int] | None:
    """Rows that were selected, ascending; `None` without a selection."""
    ids: Sequence[str] | None = st.session_state.get(_SELECTED)
    return None if ids is None else [library.positions[id_] for id_ in ids if id_ in library.positions]


def select(library: Library, rows: Sequence[int]) -> None:
    """Selects some images in place of those before."""
    ids = library.index.ids
    st.session_state[_SELECTED] = [ids[row] for row in rows]
    st.session_state.pop(_NAMED, None)


def note_failed_layout(job: Job[sk.ImageMap]) -> None:
    """Remembers a layout that failed under its sketch, so that the page says why and does not begin another by itself."""
    st.session_state[_FAILED] = job


def failed_layout() -> Job[sk.ImageMap] | None:
    """Such a layout, once: whoever has the page drawn again wants it tried again."""
    job: Job[sk.ImageMap] | None = st.session_state.pop(_FAILED, None)
    return job


def clear() -> None:
    """Picks and selects nothing any more."""
    for key in (_PICKED, _SELECTED, _NAMED):
        st.session_state.pop(key, None)


def named() -> tuple[str, int] | None:
    """The name that was given last to the present selection, and to how many images."""
    given: list[sk.GivenLabel] | None = st.session_state.get(_NAMED)
    return (given[0].label, len(given)) if given else None


def give_name(library: Library) -> None:
    """Gives the selected images the class name in the field, in the visitor's name, as *Same or different?* does."""
    from samekind import GivenLabel, InputError

    name, rows = str(st.session_state.get(NAME, "")).strip(), selected(library)
    if not name or not rows:
        return
    hashes = list(dict.fromkeys(library.index.row(library.index.ids[row])["sha256"] for row in rows))
    try:
        first = GivenLabel(hashes[0], name, labeling_session.annotator(), labeling_session.next_time(library))
    except InputError:  # a name of several lines
        return
    given = [replace(first, sha256=sha) for sha in hashes]
    if labeling_session.give_names(library, given):
        st.session_state[_NAMED] = given


def take_name_back(library: Library) -> None:
    """Takes the name back that was given last to the present selection."""
    given: list[sk.GivenLabel] = st.session_state.get(_NAMED) or []
    if given and labeling_session.take_name_back(library, given[0]) is not None:
        st.session_state.pop(_NAMED, None)
