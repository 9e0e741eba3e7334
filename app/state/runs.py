"""The runs that a visitor can look at, and the one chosen: in the address (`?run=NAME`), unless it is the one that opens first.

What a session remembers is of one run: ids, screens and filters mean nothing in another. They are forgotten when the run changes.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from samekind.app.state import artefact, first_click, search_session
from samekind.app.state.labeling import adapting_session, labeling_session
from samekind.app.state.stamp import NONE, stamp

PICKER = "run_picker"
"""Key of the choice of a run."""
PARAMETER = "run"
"""Its name in the address."""
_CHOSEN, _SEEN, _UNKNOWN, _FOUND = "run_chosen", "run_seen", "run_unknown", "runs_found"
_KEPT = {
    *(PICKER, _CHOSEN, _SEEN, _FOUND, search_session.PAGE),
    *(labeling_session.ANNOTATOR, labeling_session.TAB, adapting_session.ADAPT),
    *(first_click.BEGUN, first_click.HELD),
}
"""What is the visitor's own, whatever they look at."""


def names() -> list[str]:
    """The runs to choose from, the one that was indexed last first; one or none where there is no choice."""
    return list(_offered())


def chosen_name() -> str:
    """The run that is looked at; empty if none was named."""
    path = current()
    return "" if path is None else path.resolve().name


def current() -> Path | None:
    """The artefact that this session looks at; `None` if the demo was started without one."""
    return _offered().get(st.session_state.get(_CHOSEN, "")) or _first()


def path_of(name: str) -> Path | None:
    """The artefact of a run by its name; `None` if there is none of that name."""
    return _offered().get(name)


def follow_address(page: str) -> str | None:
    """Makes the run that the address names the one that is looked at, if that has changed since it was last seen.

    An address without a run stands for the first one, as *Back* may lead to it; but not where another page was open in between: the
    navigation keeps no parameters, so they are written again.

    Args:
        page: title of the page that is about to be drawn.

    Returns:
        A name in the address that no run has; `None` if all is well.
    """
    st.session_state[_FOUND] = (
        _found()
    )  # once for each time that a page is drawn: a folder may hold many, on a slow drive
    if st.session_state.get(_CHOSEN, "") not in ("", *_offered()):
        # Deleted or renamed meanwhile: the one that opens first is another, of which this session remembers nothing.
        _look_at("")
    named, stayed = st.query_params.get(PARAMETER), search_session.is_drawn_again(page)
    unknown = named if named is not None and named not in _offered() else None
    if unknown is None and named != st.session_state.get(_SEEN) and (named is not None or stayed):
        _look_at(named or "")
    chosen = st.session_state.get(_CHOSEN, "")
    if chosen and unknown is None and named != chosen:
        st.query_params[PARAMETER] = chosen
    st.session_state[_SEEN] = st.query_params.get(PARAMETER)
    return unknown


def choose() -> None:
    """Looks at the run that the visitor has picked; the address keeps nothing of the one before."""
    name = st.session_state[PICKER]
    _look_at(name)
    st.query_params.from_dict({PARAMETER: name} if st.session_state[_CHOSEN] else {})


def _look_at(name: str) -> None:
    first = _first()
    if first is not None and name == first.resolve().name:
        name = ""
    if name != st.session_state.get(_CHOSEN, ""):
        for key in [str(key) for key in st.session_state if key not in _KEPT]:
            del st.session_state[key]
    st.session_state[_CHOSEN] = name


def _offered() -> dict[str, Path]:
    """The runs that there were when the page began to be drawn."""
    found: dict[str, Path] | None = st.session_state.get(_FOUND)
    return _found() if found is None else found


def _found() -> dict[str, Path]:
    from samekind import find_runs

    named = artefact.artefact_path()
    return {} if named is None else {run.name: run for run in find_runs(named)}


def _first() -> Path | None:
    """The run that opens first. Looked up once: that another run is finished meanwhile must not take a visitor there.

    A folder without any run, and a run that was deleted, are looked at again.
    """
    from samekind import first_run

    named, firsts = artefact.artefact_path(), _firsts()
    if named is None:
        return None
    first = firsts.get(named)
    if first is None or not first.is_dir() or (first == named and stamp(named / "manifest.json") == NONE):
        first = firsts[named] = first_run(named)
    return first


@st.cache_resource(show_spinner=False)
def _firsts() -> dict[Path, Path]:
    """By what the demo was started with, the run that opens first, for all sessions of the server."""
    return {}
