"""Hits of one query: rows and cosines at once, ids, labels and addresses when somebody looks at them.

A batch of many queries has thousands of hits, and to make a Python object of each took five times as long as to find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from samekind.indexer.storage.rows import Rows


@dataclass(frozen=True)
class Hit:
    """One row that was found.

    Attributes:
        rank: 1 for the nearest.
        id: the row's id.
        similarity: cosine in [-1, 1], higher is closer.
        label: class name, `None` if unknown.
        uri: where the image came from.
    """

    rank: int
    id: str
    similarity: float
    label: str | None
    uri: str

    def to_dict(self) -> dict[str, Any]:
        """The hit as `--json` prints it."""
        return {"rank": self.rank, "id": self.id, "similarity": self.similarity, "label": self.label, "uri": self.uri}


class Found:
    """What one query found, nearest first.

    Args:
        rows: of the index, as it was when the query was asked.
        similarity_K: `(K,)` float64 cosines.
        row_K: `(K,)` int64 rows of the index.
    """

    def __init__(self, rows: Rows, similarity_K: NDArray[np.float64], row_K: NDArray[np.int64]) -> None:
        self._rows, self.similarity_K, self.row_K = rows, similarity_K, row_K

    @classmethod
    def told(cls, hits: tuple[Hit, ...]) -> Found:
        """Hits of an index that is elsewhere, whose rows are not known here: each is −1."""
        found = cls.__new__(cls)
        found.similarity_K = np.array([hit.similarity for hit in hits], dtype=np.float64)
        found.row_K = np.full(len(hits), -1, dtype=np.int64)
        found.__dict__["hits"] = hits  # where `hits` would keep them
        return found

    def __len__(self) -> int:
        return len(self.row_K)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Found) and self.hits == other.hits

    def __hash__(self) -> int:
        return hash(self.hits)

    def __repr__(self) -> str:
        return repr(self.hits)

    def __getstate__(self) -> dict[str, Any]:
        """With its hits, and only their rows: the index has a million others."""
        return {**self.__dict__, "hits": self.hits, "_rows": None}

    @cached_property
    def hits(self) -> tuple[Hit, ...]:
        """The hits with their ids, labels and addresses."""
        ids, labels, uris = (self._rows.values(name, self.row_K) for name in ("id", "label", "uri"))
        values = zip(ids, self.similarity_K.tolist(), labels, uris, strict=True)
        return tuple(Hit(rank, *value) for rank, value in enumerate(values, start=1))
