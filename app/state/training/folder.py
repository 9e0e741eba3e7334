"""The folder of runs that a visitor's artefact lies in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from samekind.app.state.library import Library

if TYPE_CHECKING:
    from samekind import runs


def folder_of(library: Library) -> Path:
    """Where the runs beside this one are, and new ones go."""
    return library.index.path.resolve().parent


def records(library: Library) -> list[runs.RunRecord]:
    """The runs there, as their files are now: the one that is looked at first, then the one that was written last."""
    from samekind import runs

    current = name_of(library)
    return sorted(runs.list_runs(folder_of(library)), key=lambda run: run.name != current)


def name_of(library: Library) -> str:
    """Name of the run that is looked at."""
    return library.index.path.resolve().name
