"""Progress of long work: a protocol that every layer accepts, so that none of them needs to know the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Task(Protocol):
    """One bar: work of a known total."""

    def advance(self, steps: int = 1) -> None:
        """Moves the bar on by `steps`."""

    def note(self, text: str) -> None:
        """Shows a short text beside the bar (the loss so far, say)."""


class Progress(Protocol):
    """Opens a bar for work of `total` steps; `print` writes a line above the bars."""

    def task(self, description: str, total: int) -> AbstractContextManager[Task]:
        """A bar that closes with the `with` block."""

    def print(self, line: str) -> None:
        """A line that stays."""


class _NoTask:
    def advance(self, steps: int = 1) -> None:
        """Nothing to show."""

    def note(self, text: str) -> None:
        """Nothing to show."""


class NoProgress:
    """Shows nothing: the default of every Python function, and what tests use."""

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:
        """A bar that is not drawn."""
        yield _NoTask()

    def print(self, line: str) -> None:
        """A line that is not written."""
