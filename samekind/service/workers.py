"""The threads in which everything happens that takes time: the event loop only hands work on and answers.

Four kinds, so that none waits for another: `reading` decodes uploads, as many as there are cores; `model` has the encoder's turn, one
query after the other; `searching` asks the index; `disk` fetches thumbnails, originals and verdicts. What waits is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from samekind.core.cores import usable_cores
from samekind.service.refusals import busy

Result = TypeVar("Result")
_DISK_THREADS = 4


class Workers:
    """Bounded pools of threads.

    Args:
        queue: pieces of work that may wait or be worked at, in each pool; more are refused.
    """

    def __init__(self, queue: int) -> None:
        self._queue = queue
        threads = {"reading": usable_cores(), "model": 1, "searching": 1, "disk": _DISK_THREADS}
        self._pools = {name: ThreadPoolExecutor(count, f"samekind-{name}") for name, count in threads.items()}
        self._waiting = dict.fromkeys(threads, 0)

    @property
    def waiting(self) -> dict[str, int]:
        """Pieces of work in each pool, those in hand included."""
        return dict(self._waiting)

    async def do(self, pool: str, work: Callable[..., Result], *arguments: Any) -> Result:
        """Does a piece of work in a thread; who stops waiting for it leaves it in the count until it is done.

        Args:
            pool: `reading`, `model`, `searching` or `disk`.
            work: is called there.
            *arguments: of it.

        Raises:
            Refusal: too much waits already.
        """
        if self._waiting[pool] >= self._queue:
            raise busy()
        self._waiting[pool] += 1
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._pools[pool], work, *arguments)
        future.add_done_callback(partial(self._done, pool))
        return await asyncio.shield(future)

    def _done(self, pool: str, future: asyncio.Future[Any]) -> None:
        self._waiting[pool] -= 1
        if not future.cancelled():
            future.exception()  # nobody may be waiting for it any more

    def close(self) -> None:
        """Lets go of what waits and has not begun."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
