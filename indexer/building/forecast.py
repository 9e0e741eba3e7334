"""About how long an index takes, told once its first images have been looked at."""

from __future__ import annotations

import time

from samekind.core.progress import Progress
from samekind.core.text import counted, duration

MEASURED_SECONDS = 2.0
"""Seconds of work that the rate is taken from."""
WORTH_SECONDS = 5.0
"""What takes less is over before the line has been read."""


class Forecast:
    """Says so in one line. What goes on between two pieces of work is not counted: begin each with `start`.

    Args:
        images: that are going to be looked at.
        progress: gets the line.
    """

    def __init__(self, images: int, progress: Progress) -> None:
        self._images, self._progress = images, progress
        self._done, self._seconds, self._waited, self._told = 0, 0.0, 0.0, False
        self._since = time.monotonic()

    def start(self) -> None:
        """Counts from now on."""
        self._since = time.monotonic()

    def decoded(self) -> None:
        """Counts what has passed as waiting for images, which are decoded while the encoder looks at those before."""
        self._waited += self._passed()

    def advance(self, images: int) -> None:
        """Counts images that have been looked at."""
        self._passed()
        self._done += images
        rest = self._images - self._done
        if self._told or self._seconds < MEASURED_SECONDS or not self._done:
            return
        self._told = True
        seconds = self._seconds / self._done * rest
        if seconds >= WORTH_SECONDS:
            rate = self._done / self._seconds
            each = f"{rate:.0f} a second" if rate >= 1.5 else f"{1 / rate:.1f} s an image"
            why = ", most of it for reading and decoding the files" if 2 * self._waited > self._seconds else ""
            self._progress.print(
                f"{rest:,} of {counted(self._images, 'image')} to go at {each}: about {duration(seconds)}{why}"
            )

    def _passed(self) -> float:
        """Seconds since the last call, which count."""
        now = time.monotonic()
        passed, self._since = now - self._since, now
        self._seconds += passed
        return passed
