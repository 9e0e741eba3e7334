"""Search: what a query finds, with the cosine in [-1, 1], nearest first, equal ones in table order."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.text import counted
from samekind.indexer.search.hits import Found, Hit
from samekind.indexer.search.narrowing.diversity import candidates, diverse
from samekind.indexer.search.query import Query, are_vectors, parse, unit

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex
    from samekind.indexer.search.vector_index import VectorIndex
    from samekind.indexer.storage.adaptation import Adaptation

OWN = 1 - 1e-6
"""A row at least this similar is taken for the query's own image if no row has the query's content hash. Embedding the same image in
another batch moves the cosine by less than 1e-7."""
MOST = 10_000
"""Hits that a search for every hit of at least a similarity gives at most."""
_HASHES = re.compile(r"sha256 IN \([^)]*\)")


@dataclass(frozen=True)
class SearchResult:
    """Hits of one query.

    Attributes:
        k: how many hits were asked for; the number of hits where every one of at least a similarity was.
        found: rows and cosines, nearest first or in the order of maximal marginal relevance, see `Found`.
        note: why there are fewer hits than asked for, or than there are; otherwise `None`.
        elapsed_ms: time of the call, shared evenly by its queries.
        adaptation: version of the adaptation that was searched with; `None` for the encoder's own space.
    """

    k: int
    found: Found
    note: str | None = None
    elapsed_ms: float = 0.0
    adaptation: int | None = None

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits, nearest first; fewer than k if there are not as many rows to search."""
        return self.found.hits

    def __iter__(self) -> Iterator[Hit]:
        return iter(self.hits)

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, i: int) -> Hit:
        return self.hits[i]

    def to_dict(self) -> dict[str, Any]:
        """The result as `--json` prints it."""
        return {
            "k": self.k,
            "hits": [hit.to_dict() for hit in self.hits],
            "note": self.note,
            "elapsed_ms": round(self.elapsed_ms, 3),
            "adaptation": self.adaptation,
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> SearchResult:
        """What `to_dict` made, of an index that may be elsewhere: its rows are −1."""
        hits = tuple(Hit(**hit) for hit in told["hits"])
        return cls(told["k"], Found.told(hits), told["note"], told["elapsed_ms"], told["adaptation"])


@dataclass(frozen=True)
class Asked:
    """What a search is asked beside its query; see `Index.search`."""

    k: int | None
    where: str | None = None
    exclude_self: bool = False
    adapted: bool = True
    min_similarity: float | None = None
    diversity: float = 0.0

    def checked(self) -> Asked:
        """The same, every value in its range; the k of a range search is the greatest number of hits.

        Raises:
            InputError: a value is not.
        """
        if self.k is None and self.min_similarity is None:
            raise InputError("k=None asks for every hit of at least min_similarity, and there is none", hint="name one")
        if not _is_number(self.diversity) or not 0 <= self.diversity <= 1:
            raise InputError(f"diversity must lie in [0, 1], got {self.diversity!r}")
        return replace(self, k=MOST if self.k is None else check_k(self.k), min_similarity=_least(self.min_similarity))


def search(index: OpenedIndex, query: Any, wanted: Asked) -> SearchResult | list[SearchResult]:
    """Carries out `Index.search`; see there."""
    started = time.perf_counter()
    asked = wanted.checked()
    assert asked.k is not None
    assert asked.min_similarity is not None
    rows = None if asked.where is None else index.positions_where(asked.where)
    adaptation = index.adaptation if asked.adapted else None
    width = candidates(asked.k) if asked.diversity else asked.k
    if are_vectors(query) and adaptation is None and not asked.exclude_self:  # of a batch nothing more is to be known
        space, several = index.vector_index, True
        found = space.search(unit(query, index.dim), width, rows)
    else:
        queries, several = parse(query, index)
        space = index.vector_index if adaptation is None else index.adapted_index
        own = [_own(index, each, adaptation) for each in queries] if asked.exclude_self else []
        if adaptation is not None:
            queries = _adapted(queries, index, adaptation)
        vectors_QD = _stack(queries, index.dim)
        found = _without_own(space, vectors_QD, width, own, rows) if own else space.search(vectors_QD, width, rows)
    elapsed = (time.perf_counter() - started) * 1000 / max(1, len(found))
    searched = len(index) if rows is None else len(rows)
    version = None if adaptation is None else adaptation.version
    results = []
    for similarity, row in found:
        if wanted.min_similarity is None:
            hits = Found(index.rows, *_chosen(space, similarity, row, asked))
            results.append(SearchResult(asked.k, hits, note_of(asked, len(row), searched), elapsed, version))
            continue
        similar = similarity >= asked.min_similarity
        if wanted.k is None:
            note = _range_note(int(similar.sum()), searched, asked)
        elif similar[: asked.k].all():
            note = note_of(asked, len(row), searched)
        else:
            kept, looked = int(similar[: asked.k].sum()), len(similar[: asked.k])
            note = note_of_least(kept, looked, asked.min_similarity)
        hits = Found(index.rows, *_chosen(space, similarity[similar], row[similar], asked))
        results.append(SearchResult(len(hits) if wanted.k is None else asked.k, hits, note, elapsed, version))
    return results if several else results[0]


def _chosen(
    space: VectorIndex, similarity: NDArray[np.float64], row: NDArray[np.int64], asked: Asked
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The hits of one query among what was found: the first ones, or those that differ from each other."""
    assert asked.k is not None
    if not asked.diversity:
        return similarity, row
    chosen = diverse(similarity, space.vectors(row), asked.k, asked.diversity)
    return similarity[chosen], row[chosen]


def _range_note(found: int, searched: int, asked: Asked) -> str | None:
    if found < MOST or searched <= MOST:
        return None
    return f"stopped at {MOST:,} hits of a similarity of at least {asked.min_similarity:g}: there may be more"


def search_vectors(
    index: OpenedIndex, vectors_QD: Any, k: int, adapted: bool
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Carries out `Index.search_vectors`; see there."""
    k, vectors_QD = check_k(k), np.asarray(vectors_QD)
    if vectors_QD.ndim != 2 or vectors_QD.dtype.kind != "f":
        raise InputError(
            f"expected an array (Q, {index.dim}) of floats, got {vectors_QD.dtype} {vectors_QD.shape}",
            hint="Index.search takes images, ids and single vectors",
        )
    query_QD = unit(vectors_QD, index.dim)
    adaptation = index.adaptation if adapted else None
    if adaptation is None:
        return index.vector_index.search_batch(query_QD, k)
    return index.adapted_index.search_batch(_into(query_QD, index, adaptation) if len(query_QD) else query_QD, k)


def check_k(k: Any) -> int:
    """A number of neighbours.

    Raises:
        InputError: it is no whole number, or less than 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer):
        raise InputError(f"k must be a whole number, got {k!r}")
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}")
    return int(k)


def _least(min_similarity: Any) -> float:
    if min_similarity is None:
        return -np.inf
    if not _is_number(min_similarity) or not -1 <= min_similarity <= 1:
        raise InputError(f"min_similarity must be a cosine in [-1, 1], got {min_similarity!r}")
    return float(min_similarity)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _own(index: OpenedIndex, query: Query, adaptation: Adaptation | None) -> NDArray[np.int64]:
    """The rows of a query's content; if there are none and the space is adapted, those all but identical in the encoder's.

    Where an image lies in the adapted space follows from its group, too, and a query that is not known by its content has none.
    """
    own, width = index.rows.with_content(query.content), 16
    while adaptation is not None and not len(own):
        similarity, row = index.vector_index.search(query.vector_D[None], width)[0]
        if len(row) < width or similarity[-1] < OWN:
            return row[similarity >= OWN]
        width *= 4
    return own


def _without_own(
    space: VectorIndex,
    query_QD: NDArray[np.float32],
    k: int,
    own: list[NDArray[np.int64]],
    rows: NDArray[np.int64] | None,
) -> list[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """For each query the k nearest rows but its own image: those of its content, or else those all but identical in the embedding."""
    found = [(np.empty(0), np.empty(0, np.int64))] * len(query_QD)
    widths = np.array([k + max(1, len(each)) for each in own], dtype=np.int64)
    asked = np.arange(len(query_QD))
    while len(asked):
        short = []
        for width in np.unique(widths[asked]):
            together = asked[widths[asked] == width]
            for query, (similarity, row) in zip(
                together, space.search(query_QD[together], int(width), rows), strict=True
            ):
                keep = ~np.isin(row, own[query]) if len(own[query]) else similarity < OWN
                found[query] = similarity[keep][:k], row[keep][:k]
                if keep.sum() < k and len(row) == width:
                    short.append(query)
        asked = np.array(short, dtype=np.int64)
        widths[asked] *= 2
    return found


def _adapted(queries: list[Query], index: OpenedIndex, adaptation: Adaptation) -> list[Query]:
    """Queries in the adapted space; an image that the index holds is asked for as it lies there, pulled to its group or not."""
    if not queries:
        return []
    vectors_QD = _into(np.stack([query.vector_D for query in queries]), index, adaptation)
    for query, vector_D in zip(queries, vectors_QD, strict=True):
        own = index.rows.with_content(frozenset() if query.is_derived else query.content)
        if len(own):
            vector_D[:] = index.adapted_vectors(own[:1])[0]
    return [replace(query, vector_D=vector_D) for query, vector_D in zip(queries, vectors_QD, strict=True)]


def _into(query_QD: NDArray[np.float32], index: OpenedIndex, adaptation: Adaptation) -> NDArray[np.float32]:
    """Where vectors of the encoder lie in the adapted space."""
    from samekind.indexer.search.leaning import leaning

    return adaptation(leaning(query_QD, index.vector_index, adaptation.neighbours, adaptation.lean))


def _stack(queries: list[Query], dim: int) -> NDArray[np.float32]:
    return np.stack([query.vector_D for query in queries]) if queries else np.empty((0, dim), np.float32)


def note_of(asked: Asked, found: int, searched: int) -> str | None:
    """Why there are fewer hits than asked for; `None` if there are as many.

    Args:
        asked: the search.
        found: hits.
        searched: images that satisfy its condition.
    """
    assert asked.k is not None
    if found >= asked.k:
        return None
    what = f"{searched:,} images" if searched != 1 else "1 image"
    # Shortened: a condition that names many images, as that of a tag does, says nothing to whoever reads it whole.
    where = None if asked.where is None else _HASHES.sub("one of those named", asked.where)
    holds = "satisfies" if searched == 1 else "satisfy"
    place = f"the index holds {what}" if where is None else f"{what} {holds} {shorten(where, 80, placeholder=' …')!r}"
    own = ", and the query's own is left out" if asked.exclude_self and found < searched else ""
    return f"{place}{own}: {counted(found, 'hit')} instead of {asked.k:,}"


def note_of_least(kept: int, looked: int, least: float) -> str:
    """Why there are fewer hits than were found: the others are less similar than was asked for."""
    return f"only {kept:,} of {looked:,} hits have a similarity of at least {least:g}"
