"""An opened index with its search: by images, words, ids and vectors, one or many at once."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ImageError, InputError
from samekind.data.decode import THUMBNAIL_SIDE, decode_image, thumbnail
from samekind.data.types.same_class import same_labels
from samekind.indexer.search.crop import Crop
from samekind.indexer.search.mixed import Mix, Text
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.search.originals import original
from samekind.indexer.search.query import Id, Part, Query, parse, read, seen, whole_picture
from samekind.indexer.search.results import Asked, SearchResult, search, search_vectors

if TYPE_CHECKING:
    from PIL import Image

    from samekind.data.types.images import Pixels

    Single = str | Path | bytes | bytearray | memoryview | Image.Image | Crop | Text | Mix | Query
    Each = TypeVar("Each", bound=Single | NDArray[Any])


_COPIES = 8
"""Hits that are looked through for one of other content; an image with more copies than that is passed over."""


class SearchableIndex(OpenedIndex):
    """The images of an artefact, and what is most like a query; see `OpenedIndex`."""

    @property
    def state(self) -> tuple[str, int, str]:
        """Tells this state of the index from any other, see `Manifest.state`."""
        return self._manifest.state

    @property
    def has_text(self) -> bool:
        """True if the index can be searched for words: its encoder is an open_clip model with a text tower."""
        return bool(self.meta.get("text"))

    @overload
    def search(
        self,
        query: Single,
        k: int | None = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        diversity: float = 0.0,
    ) -> SearchResult: ...

    @overload
    def search(
        self,
        query: list[Each] | tuple[Each, ...],
        k: int | None = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        diversity: float = 0.0,
    ) -> list[SearchResult]: ...

    # An array's rank and a list's numbers decide at run time whether they are one query.
    @overload
    def search(
        self,
        query: Any,
        k: int | None = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        diversity: float = 0.0,
    ) -> SearchResult | list[SearchResult]: ...

    def search(
        self,
        query: Any,
        k: int | None = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        diversity: float = 0.0,
    ) -> SearchResult | list[SearchResult]:
        """Finds the k most similar images.

        Args:
            query: a path, bytes, a Pillow image, an `(H, W[, C])` uint8 array, an id of the index, a `(D,)` float vector (scaled to unit
                norm), what `embedded` returned, a `Crop`, `Text` if the index has a text tower, or a `Mix` of these. A `(Q, D)` float
                array or a list of any of these asks several queries. A string is an id if no such file exists.
            k: hits wanted, ≥ 1. More than there are gives all of them and a note. `None` gives every hit of at least `min_similarity`,
                up to 10,000; a note says so where there may be more.
            where: SQL condition that hits must satisfy, e.g. `"label = 'Bag' AND split = 'test'"`.
            exclude_self: leaves out the query's own image: all rows with its content. A query that no row has the content hash of (a
                vector, an image that was encoded anew) leaves out rows of similarity ≥ 1 − 1e-6 instead.
            adapted: searches the space as people's answers have adapted it (`Index.adapt`); `False` asks the encoder's own.
                A query that is a vector is one of the encoder's either way.
            min_similarity: cosine in [-1, 1] below which hits are left out, so that there may be fewer than k and a note; none by default.
            diversity: in [0, 1]: above 0, hits are chosen among the 5 k nearest (50 at least) by maximal marginal relevance, so that near
                copies of a hit give way to others. 0 is the order of similarity.

        Returns:
            One `SearchResult`; for several queries a list of them. Equal similarities come in table order. Hits of a filter are exact.

        Raises:
            InputError: k, the query or the condition is unusable; the message says what was expected.
            ImageError: the query image cannot be decoded.
        """
        return search(self, query, Asked(k, where, exclude_self, adapted, min_similarity, diversity))

    def search_vectors(
        self, vectors_QD: NDArray[Any], k: int = 10, adapted: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Finds the k most similar images of many vectors, as arrays: what `search` finds, and nothing is made of each hit.

        Args:
            vectors_QD: `(Q, D)` floats, vectors of the encoder; scaled to unit norm.
            k: hits wanted, ≥ 1; lowered to the number of images.
            adapted: as for `search`.

        Returns:
            `(Q, K)` float64 cosines in [-1, 1], descending, and `(Q, K)` int64 positions in `ids`; equal similarities in table order.

        Raises:
            InputError: k is less than 1, or the vectors are not finite, zero, or of another dimension.
        """
        return search_vectors(self, vectors_QD, k, adapted)

    def search_id(
        self,
        id_: str,
        k: int | None = 10,
        where: str | None = None,
        exclude_self: bool = False,
        adapted: bool = True,
        min_similarity: float | None = None,
        diversity: float = 0.0,
    ) -> SearchResult:
        """`search` for an image of the index, even where a file has its id for a name.

        Raises:
            InputError: there is no such image, or k or the condition is unusable.
        """
        found = search(self, Id(id_), Asked(k, where, exclude_self, adapted, min_similarity, diversity))
        assert isinstance(found, SearchResult), "one query has one result"
        return found

    def embedded_id(self, id_: str) -> Query:
        """`embedded` for an image of the index, even where a file has its id for a name: a part of a `Mix`, say.

        Raises:
            InputError: there is no such image.
        """
        return parse(Id(id_), self)[0][0]

    def embedded(self, query: Single | NDArray[Any]) -> Query:
        """One query, read and embedded: `search` takes it again and again without decoding or embedding anything.

        Args:
            query: a single one, as for `search`.

        Raises:
            InputError: the query is unusable, or several.
            ImageError: an image cannot be decoded.
        """
        queries, several = parse(query, self)
        if several:
            raise InputError("one query is embedded at a time", hint="give the queries one by one")
        return queries[0]

    def read(self, query: Single) -> Part:
        """One query, decoded but not yet embedded: `search` and `embedded` take it like the query itself.

        For servers: pictures are decoded side by side, in threads, before the encoder has its turn.

        Raises:
            InputError: the query is unusable.
            ImageError: an image cannot be decoded.
        """
        return read(query, self)

    def original(self, id_: str) -> bytes | None:
        """The file of an image as it was indexed; `None` if it has moved or changed since, or the image came from no file.

        Raises:
            InputError: there is no such id.
        """
        found = original(self.row(id_))
        return None if found is None else found[0]

    def picture(self, id_: str, side: int = 512) -> bytes:
        """The best picture there is of one row, encoded (PNG or JPEG): of its file, at most `side` px a side, or else the thumbnail.

        A file is shown only if it still is what was indexed, by its SHA-256; one that has moved, changed or cannot be read is passed over.

        Raises:
            InputError: there is no such id.
        """
        row = self.row(id_)
        found = original(row) if max(row["width"], row["height"]) > THUMBNAIL_SIDE else None
        if found is not None:
            with suppress(ImageError):
                return thumbnail(decode_image(found[0], self.reading, found[1]), side)
        return self.thumbnail(id_)

    def decoded(self, id_: str) -> Image.Image:
        """The picture of an image of the index, as `decode_image` reads its file; the thumbnail where that is not there any more.

        Raises:
            InputError: there is no such id.
        """
        return whole_picture(id_, self)

    def seen(self, image: Single | NDArray[np.uint8]) -> Pixels:
        """What the encoder gets of a picture: `(H, W)` or `(H, W, 3)` uint8, scaled and cropped as its preprocessing says; of two
        crops the second stands to the right of the first.

        Raises:
            InputError: the query is no picture.
            ImageError: it cannot be decoded.
        """
        return seen(image, self)

    def same_class(self, label: str | None, other: str | None) -> bool | None:
        """True if images of these two labels are of the same class by the index' rule for several labels; `None` if one is unknown.

        Args:
            label: of a row or a hit; several are joined by ` + `.
            other: of another.
        """
        return same_labels(label, other, self.label_rule)

    def nearest_similarities(self, count: int = 1000, adapted: bool = True) -> NDArray[np.float64]:
        """How similar images of the index are to the nearest other one, ascending: tells whether a query is like any of them.

        Args:
            count: images that it is worked out for, evenly spread over the table; all of them if there are no more.
            adapted: in the space that `search` compares in by default.

        Returns:
            `(n,)` float64 in [-1, 1], n ≤ `count`; none for an index of a single image. Exact copies of an image do not count.
        """
        if len(self) < 2:
            return np.empty(0)
        space = self.adapted_index if adapted else self.vector_index
        rows = np.unique(np.linspace(0, len(self) - 1, min(count, len(self))).astype(np.int64))
        content_N = self.rows.numbered("sha256")
        found = space.search(space.vectors(rows), _COPIES)
        others = [values[content_N[near] != content_N[row]] for row, (values, near) in zip(rows, found, strict=True)]
        return np.sort([values[0] for values in others if len(values)])
