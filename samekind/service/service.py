"""All that the routes work with: the index, the threads, the batches, the figures."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from samekind import Index, VerdictTable
from samekind.service.audits import Audits
from samekind.service.batching import Batching, How
from samekind.service.held_index import HeldIndex
from samekind.service.limits import MAX_OFFSET, Limits
from samekind.service.metrics import Metrics
from samekind.service.refusals import Refusal
from samekind.service.schemas import Options
from samekind.service.workers import Workers

Read = Callable[[Index], Any]


class Service:
    """One served index.

    Args:
        index: opened.
        limits: how much a visitor may ask.
        read_only: verdicts are not taken.
    """

    def __init__(self, index: Index, limits: Limits, read_only: bool) -> None:
        self.limits, self.read_only = limits, read_only
        self.held = HeldIndex(index, limits.max_pixels)
        self.metrics, self.workers, self.audits = Metrics(), Workers(limits.queue), Audits()
        self.batching = Batching(self.workers, limits, self.metrics)
        self.verdicts, self.writing = VerdictTable(index.path), threading.Lock()

    async def hits(self, read: Read, options: Options, loads: str = "") -> dict[str, Any]:
        """A page of hits.

        Args:
            read: makes a query of the index, in a thread; the query is embedded if `loads` is empty.
            options: how to search, and which part of the hits.
            loads: `picture` or `words`: what has yet to be embedded.

        Raises:
            SamekindError, Refusal: the query or an option is unusable.
        """
        index, query = await self.workers.do("reading", self._read, read)
        if loads:
            query = await self.workers.do("model", self._embedded, index, query, loads == "words")
        how = How(
            options.offset + options.k, options.where, options.exclude_self, options.adapted, options.min_similarity
        )
        found = (await self.batching.search(index, query, how)).to_dict()
        hits = found["hits"][options.offset :]
        more = len(found["hits"]) == how.k and how.k < len(index) and how.k <= MAX_OFFSET
        return {**found, "k": options.k, "offset": options.offset, "hits": hits, "next_offset": how.k if more else None}

    def _read(self, read: Read) -> tuple[Index, Any]:
        index = self.held.ready()
        return index, read(index)

    def _embedded(self, index: Index, query: Any, words: bool) -> Any:
        self.held.with_encoder(index, words)
        return index.embedded(query)


def known(index: Index, id_: str) -> str:
    """The id, if the index has it.

    Raises:
        Refusal: it has not.
    """
    if id_ not in index.rows.position:
        raise Refusal(404, f"there is no image {id_!r}", "ids are in the answer of a search, and of /v1/images")
    return id_


def page(offset: int, limit: int, total: int) -> tuple[slice, int | None]:
    """The part of a list that was asked for, and where the next one begins; `None` behind the last."""
    after = offset + limit
    return slice(offset, after), after if after < total else None


def _of(request: Request) -> Service:
    found: Service = request.app.state.service
    return found


Served = Annotated[Service, Depends(_of)]
