"""Searches that come together are carried out together.

While one batch is at work the next one gathers, so that nobody waits when the service is idle; `window` adds a wait. Queries come
embedded: only the comparison with the index is shared, which gives each query the same answer as alone. Pictures are embedded one by one,
because a batch of them would change the last bits of the vectors, and gains little on a CPU (docs/service.md).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samekind import Index, SearchResult
from samekind.service.limits import Limits
from samekind.service.metrics import Metrics
from samekind.service.refusals import busy
from samekind.service.workers import Workers


@dataclass(frozen=True)
class How:
    """What `Index.search` is told besides the query."""

    k: int
    where: str | None
    exclude_self: bool
    adapted: bool
    min_similarity: float | None
    diversity: float = 0.0


@dataclass(frozen=True)
class _Asked:
    index: Index
    query: Any
    how: How
    answer: asyncio.Future[SearchResult]


class Batching:
    """Carries searches out, those that wait together as one.

    Args:
        workers: have a pool `searching`.
        limits: give `queue`, `max_batch` and `window`.
        metrics: are told how large the batches are.
    """

    def __init__(self, workers: Workers, limits: Limits, metrics: Metrics) -> None:
        self._workers, self._limits, self._metrics = workers, limits, metrics
        self._waiting: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None

    async def search(self, index: Index, query: Any, how: How) -> SearchResult:
        """One query's result.

        Args:
            index: is asked.
            query: what `Index.embedded` returned.
            how: the other arguments.

        Raises:
            Refusal: too many wait already.
            SamekindError: the search fails.
        """
        if len(self._waiting) >= self._limits.queue:
            raise busy()
        asked = _Asked(index, query, how, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())
        return await asked.answer

    async def _work(self) -> None:
        while self._waiting:
            if self._limits.window and len(self._waiting) < self._limits.max_batch:
                await asyncio.sleep(self._limits.window / 1000)
            most = self._limits.max_batch
            taken, self._waiting = self._waiting[:most], self._waiting[most:]
            groups: dict[tuple[int, How], list[_Asked]] = {}
            for each in taken:
                if not each.answer.done():  # who has stopped waiting
                    groups.setdefault((id(each.index), each.how), []).append(each)
            for group in groups.values():
                await self._together(group)

    async def _together(self, asked: Sequence[_Asked]) -> None:
        self._metrics.batch(len(asked))
        try:
            results = await self._workers.do("searching", _search, asked)
        except Exception as error:  # noqa: BLE001  whoever waits gets it, and answers
            for each in asked:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        for each, result in zip(asked, results, strict=True):
            if not each.answer.done():
                each.answer.set_result(result)


def _search(asked: Sequence[_Asked]) -> list[SearchResult]:
    how, queries = asked[0].how, [each.query for each in asked]
    index, options = asked[0].index, (how.where, how.exclude_self, how.adapted, how.min_similarity, how.diversity)
    found = index.search(queries, how.k, *options)
    assert isinstance(found, list), "several queries have several results"
    return found
