"""The artefact that the demo was started with, opened once for all sessions of the server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import streamlit as st

from samekind.app.state.library import Library

ENVIRONMENT = "SAMEKIND_ARTEFACT"


def artefact_path() -> Path | None:
    """The artefact that the launcher named: the first argument, else the environment variable."""
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get(ENVIRONMENT, "")
    return Path(named).expanduser() if named else None


def opened(path: Path) -> Library:
    """The index of an artefact, opened once per process, and afresh after it was rebuilt, added to, removed from or adapted.

    Raises:
        SamekindError: there is no index, or it cannot be read.
    """
    return _open(str(path), *_stamp(path))


@st.cache_resource(show_spinner="Opening the index …", max_entries=2)
def _open(path: str, *changed: tuple[int, int]) -> Library:
    from samekind import Index

    return Library(Index.open(path))


def _stamp(path: Path) -> tuple[tuple[int, int], ...]:
    """Time of change and size of the files that every change of an index, and of its adaptation, writes last."""
    return tuple(_changed(path / name) for name in ("manifest.json", "adaptation.safetensors"))


def _changed(file: Path) -> tuple[int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)
