"""Progress as lines of a log and, about once a second, as a file that a page can draw."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from samekind.console import LineProgress
from samekind.core.progress import Task
from samekind.training.runtime.artefact import write_json

SECONDS_BETWEEN = 0.7
MOST_LOSSES = 400
_EPOCH = re.compile(r"epochs? (?:(\d+) to )?(\d+)/([1-9]\d*)")
_LOSS = re.compile(r"loss (\d+\.\d+)")


class RecordedProgress(LineProgress):
    """Lines on a stream, and the work in hand in a file.

    Args:
        stream: of the log.
        file: gets `what`, `done`, `total`, `share` and `losses`, as `samekind.runs.launch.Step` has them.
    """

    def __init__(self, stream: TextIO, file: Path) -> None:
        super().__init__(stream)
        self._file = file
        self._next_at = 0.0
        self._losses: list[tuple[float, float]] = []
        self._share = 0.0

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[Task]:  # type: ignore[override]  # a task around the line's own
        """Work that is recorded now and then, and at its beginning."""
        with super().task(description, total) as line:
            recorded = _RecordedTask(self, line, description, total)
            recorded.write()
            yield recorded

    def is_due(self) -> bool:
        """True once in a while."""
        now = time.monotonic()
        if now < self._next_at:
            return False
        self._next_at = now + SECONDS_BETWEEN
        return True

    def write(self, what: str, done: int, total: int, note: str) -> None:
        """Records the work in hand; where the disk is full, the training goes on without."""
        epoch, loss = _EPOCH.fullmatch(what), _LOSS.search(note)
        if epoch and total:
            first, last = int(epoch[1] or epoch[2]), int(epoch[2])
            taken = first - 1 + (last - first + 1) * done / total
            self._share = min(taken / int(epoch[3]), 1.0)
        if epoch and total and loss:
            self._losses.append((round(taken, 4), float(loss[1])))
            if len(self._losses) > MOST_LOSSES:
                del self._losses[1::2]
        record = {"what": what, "done": done, "total": total, "share": round(self._share, 4), "losses": self._losses}
        try:
            write_json(self._file, record)
        except Exception:  # noqa: BLE001  a picture of the work must not end it
            return


class _RecordedTask:
    def __init__(self, progress: RecordedProgress, line: Task, description: str, total: int) -> None:
        self._progress, self._line = progress, line
        self._description, self._total = description, total
        self._done, self._note = 0, ""

    def advance(self, steps: int = 1) -> None:
        """Moves on by `steps`."""
        self._done += steps
        self._line.advance(steps)
        if self._progress.is_due():
            self.write()

    def note(self, text: str) -> None:
        """A short text, such as the loss so far."""
        self._note = text
        self._line.note(text)

    def write(self) -> None:
        """Records how far it is."""
        self._progress.write(self._description, self._done, self._total, self._note)
