"""Where the threads of one computation hand each other what each has of its part."""

from __future__ import annotations

import threading
from typing import Any


class Meeting:
    """Exchanges values among a fixed number of threads that all take the same path.

    Args:
        members: how many threads there are.
    """

    def __init__(self, members: int) -> None:
        self._barrier = threading.Barrier(members)
        # Whoever leaves early may come to the next exchange while others still read this one, but never to the one after it.
        self._values: tuple[list[Any], list[Any]] = ([None] * members, [None] * members)
        self._held = [0] * members

    def exchange(self, member: int, value: Any) -> list[Any]:
        """The values of all members, in their order; returns when all have come.

        Raises:
            threading.BrokenBarrierError: one of them will not come.
        """
        values = self._values[self._held[member] % 2]
        self._held[member] += 1
        values[member] = value
        self._barrier.wait()
        return list(values)

    def give_up(self) -> None:
        """Frees those who wait, with an error."""
        self._barrier.abort()

    def renew(self) -> None:
        """Makes ready for the next computation, when nobody is at work."""
        self._barrier.reset()
        self._held = [0] * len(self._held)
