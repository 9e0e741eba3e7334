"""Leases on pairs: two people (or two tabs) who work at once are not shown the same pair.

Only their time depends on it: verdicts are append-only, so that two answers to one pair are both kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from samekind.app.view_models.pairs import Pair

LEASE_SECONDS = 120.0
"""A tab that was closed cannot say so; its pair is free again after this time."""


@dataclass(frozen=True)
class _Lease:
    holder: str
    since: float


class Leases:
    """Leases pairs to sessions, one at a time to each.

    Args:
        clock: seconds, for tests.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: dict[Pair, _Lease] = {}

    def acquire(self, pair: Pair, session: str) -> bool:
        """True if the session may show the pair; it then holds this one, and no other, for two minutes."""
        now = self._clock()
        with self._lock:
            valid = {each: lease for each, lease in self._leases.items() if now - lease.since < LEASE_SECONDS}
            if pair in valid and valid[pair].holder != session:
                return False
            self._leases = {each: lease for each, lease in valid.items() if lease.holder != session}
            self._leases[pair] = _Lease(session, now)
            return True
