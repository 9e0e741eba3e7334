"""Searches an index where it lies: LanceDB finds the nearest rows in its table, and nothing else of the index is read into memory.

Similarities are exact cosines in float64, as in the library's own search; which rows are found is LanceDB's affair where it has an index,
and exact where it compares every row. Queries that are pictures or words need the encoder: its files are fetched by the first of them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.data.decoding.object_store import is_address
from samekind.data.decoding.pictures import file_and_frame
from samekind.data.types.reading import Reading
from samekind.indexer.published.away import Away, vectors_of
from samekind.indexer.published.place import FILES, IMAGES, Place
from samekind.indexer.published.publishing import REFINE, HowSearched, how_searched
from samekind.indexer.search.crop import Crop
from samekind.indexer.search.hits import Found, Hit
from samekind.indexer.search.mixed import Mix
from samekind.indexer.search.narrowing.diversity import candidates, diverse
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.search.query import Id, Query, parse
from samekind.indexer.search.results import OWN, Asked, SearchResult, note_of, note_of_least
from samekind.indexer.storage.layout import MANIFEST
from samekind.indexer.storage.remedies import bad_condition, check_statement
from samekind.indexer.storage.table import quoted

_SPARE = 4
_SHOWN = ["id", "label", "uri", "vector"]


class PublishedIndex:
    """An index in a folder or in an object store, searched by LanceDB. `open` makes one.

    Args:
        place: folder or address, for messages.
        table: LanceDB's table of rows.
        queries: reads and embeds queries.
        how: rows are searched.

    Attributes:
        leaves_out_answers: people's answers have adapted the artefact, and have no part in searches here.
    """

    def __init__(self, place: str, table: Any, queries: OpenedIndex, how: HowSearched) -> None:
        self.place, self._table, self._queries, self._nprobes = place, table, queries, how.nprobes
        self.leaves_out_answers = how.adapted

    @classmethod
    def open(cls, place: str | Path) -> Self:
        """Opens what `publish` made, or the table of an artefact.

        Args:
            place: a folder or an address such as `s3://bucket/photos`.

        Raises:
            ArtefactError: there is no index, or it cannot be reached.
        """
        place = str(place)
        if not is_address(place) and (Path(place) / MANIFEST).is_file():
            index = OpenedIndex.open(place)
            return cls(place, index.table.lance, index, HowSearched(adapted=index.adaptation is not None))
        target = Place(place)
        table, files = target.table(IMAGES), target.table(FILES)
        with target.reached():
            return cls(place, table, Away(files, table), how_searched(files))

    def __len__(self) -> int:
        return int(self._table.count_rows())

    def __repr__(self) -> str:
        return f"PublishedIndex({self.place!r}, {len(self)} images, dim {self._queries.dim})"

    def __contains__(self, id_: str) -> bool:
        with Place(self.place).reached():
            return self._count(f"id in ({quoted([id_])})") > 0

    def check_condition(self, condition: str) -> None:
        """Refuses a condition that is no SQL over the columns.

        Raises:
            InputError: it is not.
            ArtefactError: the place cannot be reached.
        """
        check_statement(condition)
        with Place(self.place).reached():
            try:
                self._table.search().where(condition).select(["id"]).limit(1).to_arrow()
            except Exception as error:
                self._count(None)  # or is it the place that cannot be reached?
                raise bad_condition(condition, error) from error

    @property
    def reading(self) -> Reading:
        """How queries are read, as `Index.reading`; may be set."""
        return self._queries.reading

    @reading.setter
    def reading(self, reading: Reading) -> None:
        self._queries.reading = reading

    @property
    def has_text(self) -> bool:
        """True if it can be searched for words."""
        return bool(self._queries.meta.get("text"))

    def search(
        self,
        query: Any,
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        min_similarity: float | None = None,
        diversity: float = 0.0,
    ) -> SearchResult | list[SearchResult]:
        """Finds the k most similar images, as `Index.search` does in the encoder's own space.

        Args:
            query: as there; a crop is of a file.
            k: a number of hits.
            where: as there.
            exclude_self: as there.
            min_similarity: as there.
            diversity: as there.

        Raises:
            InputError: an argument is unusable.
            ImageError: the query image cannot be decoded.
            ArtefactError: the place cannot be reached.
        """
        started = time.perf_counter()
        asked = Asked(k, where, exclude_self, True, min_similarity, diversity).checked()
        if where is not None:
            check_statement(where)
        try:
            found, several = self._found(query, asked)
        except ArtefactError:  # somebody has published since it was opened, and the files of then are gone
            if not isinstance(self._queries, Away):
                raise
            self.__dict__.update(type(self).open(self.place).__dict__)
            found, several = self._found(query, asked)
        elapsed = (time.perf_counter() - started) * 1000 / max(1, len(found))
        results = [SearchResult(k, Found.told(hits), note, elapsed) for hits, note in found]
        return results if several else results[0]

    def _found(self, query: Any, asked: Asked) -> tuple[list[tuple[tuple[Hit, ...], str | None]], bool]:
        """Hits and note of each query, and whether they came as several."""
        with Place(self.place).reached():
            is_list = isinstance(query, list | tuple) and not all(isinstance(each, int | float) for each in query)
            known = [self._known(each) for each in query] if is_list else self._known(query)
            queries, several = parse(known, self._queries)
            return [self._one(each, asked) for each in queries], several

    def _known(self, query: Any) -> Any:
        """A query with the ids in it looked up: an image of the index stands for its vector."""
        if isinstance(query, Mix):
            like, unlike = map(self._known, query.like), [self._known(part) for part in query.unlike]
            return Mix(*like, weights=query.weights, unlike=unlike, unlike_weight=query.unlike_weight)
        if isinstance(query, Crop) and (isinstance(query.image, Id) or _is_id(query.image)):
            raise InputError("a part of an image of a published index cannot be asked", hint="crop its file")
        if not isinstance(query, Id) and not _is_id(query):
            return query
        id_ = query.id if isinstance(query, Id) else query
        found = self._table.search().where(f"id in ({quoted([id_])})").select(["sha256", "vector"]).limit(1).to_arrow()
        if not len(found):
            raise InputError(
                f"{id_} is neither an image file nor an id of the index", hint="ids are in the answer of a search"
            )
        return Query(vectors_of(found)[0], frozenset(found["sha256"].to_pylist()))

    def _one(self, query: Query, asked: Asked) -> tuple[tuple[Hit, ...], str | None]:
        """Hits of one query, and why there are fewer than asked for."""
        assert asked.k is not None
        assert asked.min_similarity is not None
        condition, own = asked.where, False
        if asked.exclude_self and query.content:
            content = f"sha256 in ({quoted(sorted(query.content))})"
            own = self._count(content) > 0
            condition = (
                condition if not own else f"NOT {content}" + ("" if condition is None else f" AND ({condition}\n)")
            )
        width = candidates(asked.k) if asked.diversity else asked.k
        similarity, vectors, rows = self._nearest(query.vector_D, width + _SPARE, condition)
        looked_at = width + _SPARE
        while asked.exclude_self and not own and len(rows) == looked_at and (similarity < OWN).sum() < width:
            looked_at *= 2  # more images than that are all but identical to the query
            similarity, vectors, rows = self._nearest(query.vector_D, looked_at, condition)
        others = np.flatnonzero(similarity < OWN if asked.exclude_self and not own else np.isfinite(similarity))[:width]
        chosen = others[similarity[others] >= asked.min_similarity]
        if asked.diversity:
            chosen = chosen[diverse(similarity[chosen], vectors[chosen], asked.k, asked.diversity)]
        hits = tuple(
            Hit(rank, rows[i]["id"], float(similarity[i]), rows[i]["label"], rows[i]["uri"])
            for rank, i in enumerate(chosen.tolist(), 1)
        )
        looked = min(asked.k, len(others))
        if len(hits) < looked:
            return hits, note_of_least(len(hits), looked, asked.min_similarity)
        return hits, None if looked == asked.k else note_of(asked, looked, self._count(asked.where))

    def _nearest(
        self, vector_D: NDArray[np.float32], width: int, condition: str | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], list[dict[str, Any]]]:
        """The nearest rows that satisfy a condition: exact cosines, vectors and columns, equal cosines in table order."""
        found = self._asked(vector_D, width, condition, self._nprobes)
        if self._nprobes and len(found) < width:  # the lists that were looked into hold too few that satisfy it
            found = self._asked(vector_D, width, condition, 0)
        vectors = vectors_of(found)
        similarity = np.clip(vectors.astype(np.float64) @ vector_D.astype(np.float64), -1.0, 1.0)
        order = np.lexsort((found["_rowid"].to_numpy(), -similarity))
        rows = found.drop_columns(["vector"]).to_pylist()
        return similarity[order], vectors[order], [rows[i] for i in order]

    def _asked(self, vector_D: NDArray[np.float32], width: int, condition: str | None, nprobes: int) -> Any:
        search = (
            self._table.search(vector_D)
            .distance_type("cosine")
            .limit(width)
            .with_row_id(True)
            .select([*_SHOWN, "_distance"])
        )
        search = search.nprobes(nprobes).refine_factor(REFINE) if nprobes else search.bypass_vector_index()
        if condition is None:
            return search.to_arrow()
        try:
            return search.where(condition, prefilter=True).to_arrow()
        except Exception as error:
            self._count(None)  # or is it the place that cannot be reached?
            raise bad_condition(condition, error) from error

    def _count(self, condition: str | None) -> int:
        return int(self._table.count_rows(condition))


def _is_id(query: Any) -> bool:
    """As in the library: a string is an id, unless a file has that name."""
    if not isinstance(query, str):
        return False
    try:
        return not file_and_frame(query)[0].exists()
    except OSError:  # too long for the name of a file
        return True
