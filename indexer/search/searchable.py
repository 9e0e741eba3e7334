"""An opened index with its search: by images, words, ids and vectors, one or many at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from numpy.typing import NDArray

from samekind.indexer.search.mixed import Mix, Text
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.search.query import Id
from samekind.indexer.search.results import SearchResult, search

if TYPE_CHECKING:
    from PIL import Image

    Single = str | Path | bytes | bytearray | memoryview | Image.Image | Text | Mix
    Each = TypeVar("Each", bound=Single | NDArray[Any])


class SearchableIndex(OpenedIndex):
    """The images of an artefact, and what is most like a query; see `OpenedIndex`."""

    @overload
    def search(
        self,
        query: Single,
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
    ) -> SearchResult: ...

    @overload
    def search(
        self,
        query: list[Each] | tuple[Each, ...],
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
    ) -> list[SearchResult]: ...

    # An array's rank and a list's numbers decide at run time whether they are one query.
    @overload
    def search(
        self,
        query: Any,
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
    ) -> SearchResult | list[SearchResult]: ...

    def search(
        self,
        query: Any,
        k: int = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
    ) -> SearchResult | list[SearchResult]:
        """Finds the k most similar images.

        Args:
            query: a path, bytes, a Pillow image, an `(H, W[, C])` uint8 array, an id of the index, a `(D,)` float vector (scaled to unit
                norm), `Text` if the index has a text tower, or a `Mix` of these. A `(Q, D)` float array or a list of any of these asks
                several queries. A string is an id if no such file exists.
            k: hits wanted, ≥ 1. More than there are gives all of them and a note.
            where: SQL condition that hits must satisfy, e.g. `"label = 'Bag' AND split = 'test'"`.
            exclude_self: leaves out the query's own image: all rows with its content. A query that no row has the content hash of (a
                vector, an image that was encoded anew) leaves out rows of similarity ≥ 1 − 1e-6 instead.
            adapted: searches the space as people's answers have adapted it (`Index.adapt`); `False` asks the encoder's own.
                A query that is a vector is one of the encoder's either way.

        Returns:
            One `SearchResult`; for several queries a list of them. Equal similarities come in table order.

        Raises:
            InputError: k, the query or the condition is unusable; the message says what was expected.
            ImageError: the query image cannot be decoded.
        """
        return search(self, query, k, where, exclude_self, adapted)

    def search_id(
        self, id_: str, k: int = 10, where: str | None = None, exclude_self: bool = False, adapted: bool = True
    ) -> SearchResult:
        """`search` for an image of the index, even where a file has its id for a name.

        Raises:
            InputError: there is no such image, or k or the condition is unusable.
        """
        found = search(self, Id(id_), k, where, exclude_self, adapted)
        assert isinstance(found, SearchResult), "one query has one result"
        return found
