"""Adapting the search to answers while people go on answering: in a thread, one step at a time for all sessions of an artefact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

SECONDS_BEFORE = 0.3
"""Whoever has answered waits for the next screen, which the step would slow down if it began at once."""
Step = Callable[[], str]
"""Changes the artefact, and says in one line what came of it."""


class Adapting:
    """Takes steps in the order in which they are asked for.

    Attributes:
        line: what came of the last step, or why it failed; empty before the first.
    """

    def __init__(self) -> None:
        self.line = ""
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._next: Step | None = None

    @property
    def is_running(self) -> bool:
        """True while a step is under way."""
        return self._thread is not None

    def ask(self, step: Step) -> None:
        """Takes a step, or, while another one is under way, when that has ended; of several asked for meanwhile the last one only."""
        with self._lock:
            self._next = step
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="samekind-adapting", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (step := self._taken()) is not None:
            time.sleep(SECONDS_BEFORE)
            try:
                self.line = step()
            except Exception as error:  # noqa: BLE001  the answers are stored, and a later step makes up for this one
                self.line = f"Not done: {error}."

    def _taken(self) -> Step | None:
        with self._lock:
            step, self._next = self._next, None
            if step is None:
                self._thread = None
            return step
