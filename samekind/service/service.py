"""All that the routes work with: the index, the threads, the batches, the figures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from typing import Annotated, Any

from fastapi import Depends, Request

from samekind import Index, TagTable, VerdictTable
from samekind.service.audits import Audits
from samekind.service.batching import Batching, How
from samekind.service.held_index import HeldIndex
from samekind.service.limits import MAX_OFFSET, Limits
from samekind.service.metrics import Metrics
from samekind.service.refusals import Refusal
from samekind.service.schemas import Options
from samekind.service.workers import Workers

Read = Callable[[Index], Any]
_MOST_TAGS = 64
"""Conditions of tags that are remembered; that of a large selection is megabytes long."""


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
        self.verdicts, self.tags, self.writing = VerdictTable(index.path), TagTable(index.path), threading.Lock()
        self._tagging, self._tagged = threading.Lock(), (-1, dict[str, str]())

    async def hits(self, read: Read, options: Options, loads: Collection[str] = ()) -> dict[str, Any]:
        """A page of hits.

        Args:
            read: makes a query of the index, in a thread; the query is embedded if `loads` is empty.
            options: how to search, and which part of the hits.
            loads: `picture`, `words` or both: what has yet to be embedded.

        Raises:
            SamekindError, Refusal: the query or an option is unusable.
        """
        if options.diversity and options.offset:
            raise Refusal(400, "a search for variety has one page", "leave offset out, and ask for more by k")
        index, where, query = await self.workers.do("reading", self._read, read, options)
        if loads:
            query = await self.workers.do("model", self._embedded, index, query, loads)
        last = options.offset + options.k
        how = How(last, where, options.exclude_self, options.adapted, options.min_similarity, options.diversity)
        found = (await self.batching.search(index, query, how)).to_dict()
        hits = found["hits"][options.offset :]
        more = len(found["hits"]) == last and last < len(index) and last <= MAX_OFFSET and not options.diversity
        return {**found, "k": options.k, "offset": options.offset, "hits": hits, "next_offset": last if more else None}

    def _read(self, read: Read, options: Options) -> tuple[Index, str | None, Any]:
        index = self.held.ready()
        return index, self._condition(options), read(index)

    def _condition(self, options: Options) -> str | None:
        """What `where` and `tag` say together; the images of a tag are looked up once until somebody changes tags."""
        if options.tag is None:
            return options.where
        with self._tagging:
            version = self.tags.version
            if self._tagged[0] != version:
                self._tagged = version, {}
            known = self._tagged[1]
            if options.tag not in known:
                if len(known) >= _MOST_TAGS:
                    known.clear()
                known[options.tag] = self.tags.among(options.tag)
            tagged = known[options.tag]
        return tagged if options.where is None else f"({options.where}) AND {tagged}"

    def _embedded(self, index: Index, query: Any, loads: Collection[str]) -> Any:
        for kind in loads:
            self.held.with_encoder(index, kind == "words")
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
