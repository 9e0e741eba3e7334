"""Output of the command line: answers on stdout, everything else on stderr.

On a terminal long work draws bars (rich); in a log or a pipe it writes a plain line every ten seconds, so that both show life.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from samekind.core.text import one_line

if TYPE_CHECKING:
    import rich.progress

LINE_EVERY_SECONDS = 10.0
_TOO_SOON = 1.0  # seconds of a piece of work of which nothing can be told yet


class Console:
    """Destinations of a command's answer, its progress and its errors.

    Args:
        as_json: the answer is one JSON object.
        stdout: takes the answer only.
        stderr: takes everything else.
        follows: this is one of several processes and not the first, which speaks for all: only errors are shown.
        speaker: stands before errors, where several processes may have some.

    Attributes:
        answered: the answer stands there.
    """

    def __init__(
        self,
        *,
        as_json: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        follows: bool = False,
        speaker: str = "",
    ) -> None:
        self.as_json = as_json and not follows
        self.follows = follows
        self._speaker = speaker and f"{speaker}: "
        nowhere = io.StringIO() if follows else None
        self.stdout = nowhere or stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.answered = False
        self.progress = BarProgress() if self.stderr.isatty() and not follows else LineProgress(nowhere or self.stderr)

    def answer(self, payload: Mapping[str, Any], text: str) -> None:
        """Prints the answer: `payload` as JSON if that was asked for, otherwise `text`."""
        print(json.dumps(payload, allow_nan=False) if self.as_json else text, file=self.stdout, flush=True)
        self.answered = True

    def say(self, line: str) -> None:
        """A line for people, on stderr."""
        self.progress.print(line)

    def fail(self, message: str, hint: str = "") -> None:
        """Prints an error: one line and a hint on stderr, or one JSON object on stdout unless an answer stands there already."""
        message, hint = " ".join(message.split()), " ".join(hint.split())
        if self.as_json and not self.answered:
            print(json.dumps({"error": message, "hint": hint}), file=self.stdout, flush=True)
            return
        print(f"{self._speaker}error: {one_line(message)}", file=self.stderr)
        if hint:
            print(f"{self._speaker}hint: {one_line(hint)}", file=self.stderr)


class LineProgress:
    """Progress as plain lines: one every ten seconds, also where none of many pieces of work takes as long, and one at the end of what
    took longer than that.
    """

    def __init__(self, stream: TextIO, every: float = LINE_EVERY_SECONDS) -> None:
        self._stream = stream
        self.every = every
        self.last = time.monotonic()

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[_LineTask]:
        """Work that writes a line now and then."""
        task = _LineTask(self, description, total)
        yield task
        task.close()

    def print(self, line: str) -> None:
        """A line that stays."""
        print(one_line(line), file=self._stream, flush=True)
        self.last = time.monotonic()

    def last_shown(self) -> float:
        """When something was shown last, on the clock of `time.monotonic`."""
        return self.last


class _LineTask:
    def __init__(self, progress: LineProgress, description: str, total: int) -> None:
        self._progress, self._description, self._total = progress, description, total
        self._done, self._note = 0, ""
        self._started = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """Moves on by `steps` and writes a line if the last one is old; not `0 % after 0 s`, where this work has only begun."""
        self._done += steps
        now = time.monotonic()
        begun = now - self._started < min(_TOO_SOON, self._progress.every) and self._done < self._total
        if now - self._progress.last >= self._progress.every and not begun:
            share = f"{100 * self._done // self._total:3d} %" if self._total else f"{self._done}"
            self._write(f"{share} after {now - self._started:.0f} s")

    def note(self, text: str) -> None:
        """A short text that the next line shows."""
        self._note = text

    def close(self) -> None:
        """Writes how long it took, if that was long enough to wonder."""
        seconds = time.monotonic() - self._started
        if seconds >= self._progress.every:
            self._write(f"done in {seconds:.0f} s")

    def _write(self, text: str) -> None:
        note = f"  {self._note}" if self._note else ""
        self._progress.print(f"{self._description}: {text}{note}")


class BarProgress:
    """Progress as rich's bars on stderr; nested tasks stand below each other and go when they are done."""

    def __init__(self) -> None:
        self._bars: rich.progress.Progress | None = None
        self._open = 0
        self._last = time.monotonic()

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[_BarTask]:
        """A bar that closes with the `with` block."""
        bars = self._bars = self._bars or _rich_bars()
        if not self._open:
            bars.start()
        self._open += 1
        number = bars.add_task(description, total=total, note="")
        try:
            yield _BarTask(bars, number)
        finally:
            bars.remove_task(number)
            self._open -= 1
            self._last = time.monotonic()
            if not self._open:
                bars.stop()

    def print(self, line: str) -> None:
        """A line that stays, above the bars."""
        if self._bars is not None and self._open:
            self._bars.console.print(one_line(line), markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(one_line(line) + "\n")
        self._last = time.monotonic()

    def last_shown(self) -> float:
        """When something was shown last: now, while there is a bar, which shows the time."""
        return time.monotonic() if self._open else self._last


class _BarTask:
    def __init__(self, bars: rich.progress.Progress, number: rich.progress.TaskID) -> None:
        self._bars, self._number = bars, number

    def advance(self, steps: int = 1) -> None:
        """Moves the bar on by `steps`."""
        self._bars.advance(self._number, steps)

    def note(self, text: str) -> None:
        """Shows a short text beside the bar."""
        self._bars.update(self._number, note=text)


def _rich_bars() -> rich.progress.Progress:
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=RichConsole(stderr=True),
        transient=True,
    )
