"""Candidate pairs of a large index, found in a thread of their own: the first can be asked about while more are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from samekind.app.jobs.job import Job, Progress

if TYPE_CHECKING:
    import samekind as sk


class PoolJob(Job["sk.CandidatePool"]):
    """Starts finding them.

    Args:
        index: the opened index.

    Attributes:
        newest: the pool that is there by now; `None` at first.
    """

    def __init__(self, index: sk.Index) -> None:
        self.newest: sk.CandidatePool | None = None
        self._index = index
        super().__init__(self._find, "samekind-pairs")

    def first(self, show: Callable[[float], None]) -> sk.CandidatePool:
        """Waits for the first pool, and no longer.

        Args:
            show: as for `wait`.

        Raises:
            SamekindError: there is none.
        """
        self._wait_until(lambda: self.newest is not None, show)
        return self.wait(show) if self.newest is None else self.newest

    def _find(self, progress: Progress) -> sk.CandidatePool:
        from samekind import CandidatePool

        for pool in CandidatePool.growing(self._index, progress):
            self.newest = pool
        assert self.newest is not None, "there is always a pool"
        return self.newest
