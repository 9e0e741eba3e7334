"""The artefact, or the folder of several, that the demo was started with; and opened ones, each once for all sessions."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import streamlit as st

from samekind.app.state.library import Library
from samekind.app.state.stamp import Stamp, stamp

ENVIRONMENT = "SAMEKIND_ARTEFACT"
OPENED = 4
"""Runs that are kept open for all sessions: each holds its vectors, and an encoder once somebody has needed it."""


def artefact_path() -> Path | None:
    """The artefact, or the folder of several, that the launcher named: the first argument, else the environment variable."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(ENVIRONMENT, "")
    return Path(named).expanduser() if named else None


def opened(path: Path) -> Library:
    """The index of an artefact, opened once per process, and afresh after it was rebuilt, added to or removed from.

    After it was adapted, here or by another process, only what searches with it is opened afresh: audits, pools and leases stay.

    Raises:
        SamekindError: there is no index, or it cannot be read.
    """
    library = _open(str(path), stamp(path / "manifest.json"))
    library.follow_adaptation()
    return library


@st.cache_resource(show_spinner="Opening the index …", max_entries=OPENED)
def _open(path: str, changed: Stamp) -> Library:
    from samekind import Index

    return Library(Index.open(path))
