"""Long work in a thread of its own: it continues while its visitor looks at another page, and the next visitor finds it done."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

SECONDS_BETWEEN_LOOKS = 0.2
LONG = 1.0
"""Seconds of work that leaves memory to give back."""
PAGES_FIRST = 3.0
"""Seconds from its end until that is done: looking for garbage would stop the page of whoever waited for it for half a second."""
Result = TypeVar("Result")


class Job(Generic[Result]):
    """Starts the work; `wait` gives the result to every visitor who asks.

    Args:
        work: takes what the facade's `progress=` wants.
        name: of the thread.
    """

    def __init__(self, work: Callable[[Progress], Result], name: str) -> None:
        self._work = work
        self._progress = Progress()
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._done = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    @property
    def failed(self) -> bool:
        """True if it ended without a result, so that trying again makes sense."""
        return self._error is not None

    @property
    def result(self) -> Result | None:
        """The result if it is there by now, else `None`."""
        return self._results[0] if self._results else None

    @property
    def share(self) -> float:
        """The share of its present part that is done, in [0, 1]."""
        return self._progress.share

    @property
    def is_over(self) -> bool:
        """True once it has ended, well or not."""
        return self._done.is_set()

    def soon(self, seconds: float) -> Result | None:
        """The result if it comes within that time, else `None`."""
        self._done.wait(seconds)
        return self.result

    def wait(self, show: Callable[[float], None]) -> Result:
        """Waits for the result.

        Args:
            show: called a few times a second with the share that is done, in [0, 1]; never if there is nothing to wait for.

        Raises:
            SamekindError: the work cannot be done.
        """
        self._wait_until(lambda: False, show)
        if self._error is not None:
            raise self._error
        assert self._results, "a job ends with a result or an error"
        return self._results[0]

    def _wait_until(self, is_enough: Callable[[], bool], show: Callable[[float], None]) -> None:
        while not (self.is_over or is_enough()):
            show(self.share)
            self._done.wait(SECONDS_BETWEEN_LOOKS)

    def _run(self) -> None:
        started = time.monotonic()
        try:
            self._results.append(self._work(self._progress))
        except BaseException as error:  # noqa: BLE001  a library's panic, too: raised again in `wait`, where somebody sees it
            self._error = error
        finally:
            self._done.set()
        if time.monotonic() - started > LONG:
            settle()
            give_back()


def settle() -> None:
    """Waits until the pages that waited for long work are drawn."""
    time.sleep(PAGES_FIRST)


def give_back() -> None:
    """Returns memory that is free by now to the system, where the C library can: an audit leaves 0.1 GB that nothing else would use."""
    collect_all()  # what holds itself is not freed before, and the server of the demo seldom looks for it
    trim = getattr(ctypes.CDLL(None) if os.name == "posix" else None, "malloc_trim", None)
    if trim is not None:
        trim(0)


def collect_all() -> None:
    """Frees what nothing holds but itself, also where it was set aside (`app/serve.py`) and dropped since, as an index rebuilt."""
    set_aside = gc.get_freeze_count()
    gc.unfreeze()
    gc.collect()
    if set_aside:
        gc.freeze()


class Progress:
    """Progress for the facade's `progress=`: keeps the share that is done of the present part."""

    def __init__(self) -> None:
        self.share = 0.0

    @contextmanager
    def task(self, description: str, total: int) -> Iterator[_Task]:
        """One part of the work, of `total` steps."""
        yield _Task(self, total)

    def print(self, line: str) -> None:
        """Lines are for terminals."""


class _Task:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = max(total, 1)
        self._done = 0

    def advance(self, steps: int = 1) -> None:
        """Counts the steps."""
        self._done += steps
        self._progress.share = min(self._done / self._total, 1.0)

    def note(self, text: str) -> None:
        """Notes are for terminals."""
