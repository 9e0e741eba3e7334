"""Starting, stopping and resuming trainings for a visitor: each checks again that they may, and keeps what went wrong for the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from samekind.app.state.training import rights

if TYPE_CHECKING:
    from samekind import runs

_FAILURE = "training_failure"


def start(request: runs.TrainingRequest) -> bool:
    """Starts a training; returns true if it was started."""
    from samekind import runs

    return _try(lambda: runs.start(request))


def resume(folder: Path) -> None:
    """Continues a training."""
    from samekind import runs

    _try(lambda: runs.resume(folder))


def stop(folder: Path) -> None:
    """Asks a training to end."""
    from samekind import runs

    _try(lambda: runs.stop(folder))


def failure() -> tuple[str, str] | None:
    """What went wrong last and its remedy, told once."""
    found: tuple[str, str] | None = st.session_state.pop(_FAILURE, None)
    return found


def _try(act: Callable[[], object]) -> bool:
    from samekind import SamekindError

    if not rights.may_train():
        st.session_state[_FAILURE] = (rights.REFUSED, "")
        return False
    try:
        act()
    except SamekindError as error:
        st.session_state[_FAILURE] = (str(error), error.hint)
        return False
    return True
