"""A line on stderr while a command works and shows nothing: steps that have no bar must not look as if they hung."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from samekind.console import Console

FIRST, THEN = 3.0, 15.0
"""Seconds of silence."""
_LOOK = 0.25


@contextmanager
def signs_of_life(console: Console, command: str) -> Iterator[None]:
    """While the block runs and the command has not answered, says that it works, whenever nothing was shown for `THEN` seconds, or for
    `FIRST` at the beginning.

    Args:
        console: of the command; one that answers in JSON stays silent, since a program reads it.
        command: its name.
    """
    if console.as_json or console.follows:
        yield
        return
    done = threading.Event()
    watch = threading.Thread(target=_watch, args=(console, command, done), daemon=True)
    watch.start()
    try:
        yield
    finally:
        done.set()
        watch.join()


def _watch(console: Console, command: str, done: threading.Event) -> None:
    started = time.monotonic()
    wait, since = FIRST, started
    while not done.wait(min(_LOOK, wait)) and not console.answered:
        shown = console.progress.last_shown()
        if shown > since:
            wait, since = THEN, shown
        now = time.monotonic()
        if now - since >= wait:
            # past the progress, whose own lines, which say more, must not wait for longer because of this one
            print(f"samekind {command}: working, {now - started:.0f} s so far", file=console.stderr, flush=True)
            wait, since = THEN, now
