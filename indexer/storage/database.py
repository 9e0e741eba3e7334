"""The one door to LanceDB. It is imported when a table is opened and not before: that takes 2 s, and a plain search does without."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any


def open_database(folder: Path) -> Any:
    """LanceDB's connection to the tables of an artefact; they need not be there yet.

    Args:
        folder: the artefact.
    """
    return _connect(str(folder / "db"))


def database_in_memory() -> Any:
    """A database that is on no disk and goes with whoever holds it."""
    return _connect("memory://")


def _connect(place: str) -> Any:
    import lancedb

    # A training reads verdicts and then forks workers, which never touch LanceDB. Its warning about forks would stand in every such log.
    warnings.filterwarnings("ignore", message="lancedb fork support", category=RuntimeWarning)
    return lancedb.connect(place)
