"""Who has which question before them: two people (or two tabs) who work at once are not shown the same pair.

Nothing depends on it but their time: verdicts are append-only, so that two answers to one pair are both kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Pair = tuple[str, str]
"""Content hashes of two images, in alphabetical order."""

HELD_SECONDS = 120.0
"""A tab that was closed cannot say so; its question is free again after this time."""


class Desk:
    """Hands out pairs.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[Pair, tuple[str, float]] = {}

    def take(self, pair: Pair, session: str) -> bool:
        """Whether the session may show the pair; it then holds it, and no other, for two minutes."""
        now = self._clock()
        with self._lock:
            holder, since = self._held.get(pair, (session, now))
            if holder != session and now - since < HELD_SECONDS:
                return False
            self._held = {
                other: (who, when)
                for other, (who, when) in self._held.items()
                if who != session and now - when < HELD_SECONDS
            }
            self._held[pair] = (session, now)
            return True
