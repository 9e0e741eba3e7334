"""Leases on pairs and screens: two people (or two tabs) who work at once are not shown the same one.

Only their time depends on it: verdicts are append-only, so that two answers to one pair are both kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

LEASE_SECONDS = 120.0
"""A tab that was closed cannot say so; what it showed is free again after this time."""

Shown = tuple[str, ...]
"""A pair of content hashes, or `screen` and the content hash of its anchor."""


@dataclass(frozen=True)
class _Lease:
    holder: str
    since: float


class Leases:
    """Leases pairs and screens to sessions, one at a time to each.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: dict[Shown, _Lease] = {}

    def acquire(self, shown: Shown, session: str) -> bool:
        """True if the session may show this pair or screen; it then holds this one, and no other, for two minutes."""
        now = self._clock()
        with self._lock:
            valid = {each: lease for each, lease in self._leases.items() if now - lease.since < LEASE_SECONDS}
            if shown in valid and valid[shown].holder != session:
                return False
            self._leases = {each: lease for each, lease in valid.items() if lease.holder != session}
            self._leases[shown] = _Lease(session, now)
            return True
