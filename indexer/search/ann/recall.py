"""How much of what exact search finds an approximate index finds, and how far it must look for enough of it.

A hit counts if it is as similar as the tenth true neighbour: of equally similar rows any will do. No label is looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.indexer.search.ann.factories import greatest, parameters_of, set_parameters
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.unit_vectors import Float32, Rows

# N rows, Q queries, D dimension, K hits

Search = Callable[[Float32, int], tuple[NDArray[np.float64], Rows]]
RECALL = 0.99
"""Share of the ten true neighbours that an approximate index must find on average."""
AT = 10
_EQUAL = 1e-6
MANY = 256
"""Candidates a hit with which enough lists are looked for: that codes tell neighbours apart badly is no reason for more lists."""


@dataclass(frozen=True)
class Truth:
    """Queries with their exact neighbours.

    Attributes:
        query_QD: `(Q, D)` float32 of unit norm.
        own_Q: `(Q,)` the row that each query is, which does not count; −1 for none.
        tenth_Q: `(Q,)` similarity of the tenth other row, or of the last if there are fewer.
    """

    query_QD: Float32
    own_Q: Rows
    tenth_Q: NDArray[np.float32]

    @classmethod
    def of(cls, vectors_ND: Float32, query_QD: Float32, own_Q: Rows | None = None) -> Truth:
        """By exact search.

        Args:
            vectors_ND: all rows, at least two.
            query_QD: queries.
            own_Q: the rows that they are, if they are rows.
        """
        own_Q = np.full(len(query_QD), -1) if own_Q is None else own_Q
        found: tuple[Float32, Rows] = faiss.knn(
            query_QD, vectors_ND, min(AT + 1, len(vectors_ND)), metric=faiss.METRIC_INNER_PRODUCT
        )
        similarity_QK = np.where(found[1] == own_Q[:, None], np.inf, found[0])
        similarity_QK = -np.sort(-similarity_QK, axis=1)
        first = np.isposinf(similarity_QK[:, 0]).astype(np.int64)
        last = np.minimum(first + AT, similarity_QK.shape[1]) - 1
        return cls(query_QD, own_Q, np.take_along_axis(similarity_QK, last[:, None], axis=1)[:, 0])

    def recall(self, search: Search) -> float:
        """Overlap of a search with the truth, in [0, 1]."""
        similarity_QK, row_QK = search(self.query_QD, AT + 1)
        other_QK = row_QK != self.own_Q[:, None]
        other_QK &= np.cumsum(other_QK, axis=1) <= AT
        enough_QK = other_QK & (similarity_QK >= self.tenth_Q[:, None] - _EQUAL)
        return float(enough_QK.sum() / other_QK.sum())


def reach(index: Any, truth: Truth, search: Search, recall: float = RECALL) -> float:
    """Turns an index to the least effort that finds enough; returns the recall that it reaches.

    One that scores again what codes propose first looks into as many lists as hold enough of the truth, and somewhat more: what codes miss
    is to come out of the rest. Then it takes as many candidates as it needs.

    Args:
        index: the FAISS index behind `search`.
        truth: what there is to find.
        search: asks the index.
        recall: wanted, in [0, 1].
    """
    widening = [name for name in parameters_of(index) if name != "k_factor_rf"]
    refines = "k_factor_rf" in parameters_of(index)
    if refines:
        set_parameters(index, {"k_factor_rf": min(MANY, greatest(index, "k_factor_rf"))})
    reached = truth.recall(search)
    for name in widening:
        wanted = (1 + recall) / 2 if refines else recall
        reached = _least(index, name, truth, search, wanted)
        # Codes hide some of the truth for good: that is no reason to look into all lists either.
        if recall <= reached < wanted:
            reached = _least(index, name, truth, search, recall)
    if refines:
        reached = _least(index, "k_factor_rf", truth, search, recall)
    return reached


def _least(index: Any, name: str, truth: Truth, search: Search, recall: float) -> float:
    """The least power of two, or the value half-way to the one before it, that suffices; the greatest value if none does."""
    most, below, value = greatest(index, name), 0, 1
    while True:
        set_parameters(index, {name: value})
        reached = truth.recall(search)
        if reached >= recall or value >= most:
            break
        below, value = value, min(2 * value, most)
    half = (below + value + 1) // 2
    if reached >= recall and below < half < value:
        set_parameters(index, {name: half})
        if (with_half := truth.recall(search)) >= recall:
            return with_half
        set_parameters(index, {name: value})
    return reached
