"""The hardest negatives of some anchors, without labels: all that choosing pairs needs of an audit, and of a large index part by part.

Up to 200,000 images the audit has them. Beyond, its anchors are a sample, and one after the other of them is compared with all images, so
that the first pairs are there before the last. In the end the findings are those of the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.indexer.audit.anchors import ALL_UP_TO, anchors_in_turn
from samekind.indexer.audit.audit import audit, checked_vectors, objective_weights
from samekind.indexer.audit.by_columns import neighbourhood_by_columns
from samekind.indexer.audit.comparison import Comparison, Neighbourhood
from samekind.indexer.audit.kept import kept_pass
from samekind.training.diagnostics.figures import UNKNOWN
from samekind.training.diagnostics.gradient_weights import GradientWeights

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex

# N rows, A anchors, K hardest negatives

FIRST_PART = 256
"""Anchors that the first part has, of up to a million images: over two thousand pairs."""
_COMPARED = 1 << 28
"""Pairs of images up to which the first part goes: about two seconds of one core at 256 dimensions. Of more images it has fewer anchors."""
_LEAST, _GROWTH = 32, 4


@dataclass(frozen=True)
class Hardest:
    """Anchors with their hardest negatives.

    Attributes:
        anchor_A: `(A,)` int64 rows, ascending.
        negative_AK: `(A, K)` int64 rows, hardest first.
        similarity_AK: `(A, K)` float64 in [-1, 1].
        share_AK: `(A, K)` float64 gradient shares; `None` if the run's objective is unknown.
        is_whole: true if no further anchors come.
    """

    anchor_A: NDArray[np.int64]
    negative_AK: NDArray[np.int64]
    similarity_AK: NDArray[np.float64]
    share_AK: NDArray[np.float64] | None
    is_whole: bool = True

    @classmethod
    def of(cls, report: FalseNegativeReport) -> Hardest:
        """Those of an audit."""
        pairs = report.pairs
        return cls(pairs.anchor_A, pairs.negative_AK, pairs.similarity_AK, pairs.share_AK)

    def joined(self, other: Hardest) -> Hardest:
        """Both together; `other` came later."""
        anchor_A = np.concatenate([self.anchor_A, other.anchor_A])
        negative_AK = np.concatenate([self.negative_AK, other.negative_AK])
        similarity_AK = np.concatenate([self.similarity_AK, other.similarity_AK])
        order, share_AK = np.argsort(anchor_A), None
        if self.share_AK is not None and other.share_AK is not None:
            share_AK = np.concatenate([self.share_AK, other.share_AK])[order]
        return Hardest(anchor_A[order], negative_AK[order], similarity_AK[order], share_AK, other.is_whole)


def hardest_negatives(index: OpenedIndex, k: int, progress: Progress | None = None) -> Iterator[Hardest]:
    """The hardest negatives of more and more anchors; the last ones are those of `audit(index, k)`.

    Each part is kept in the cache, so that the next process has it at once.

    Args:
        index: the opened index.
        k: of each anchor; all others if there are no more.
        progress: shows a bar for each part.
    """
    rows = len(index)
    if rows <= ALL_UP_TO:
        yield Hardest.of(audit(index, k=k, progress=progress))
        return
    vectors = cache(lambda: checked_vectors(index))  # all of them are read then: not where every part is kept
    weights, turn_A = objective_weights(index), anchors_in_turn(rows)
    content_N, unknown_N, rows_N = index.rows.numbered("sha256"), np.full(rows, UNKNOWN), np.arange(rows)
    k, found, start = min(k, rows - 1), None, 0
    size = int(np.clip(_COMPARED // rows, _LEAST, FIRST_PART))
    while start < len(turn_A):
        part_A = np.sort(turn_A[start : start + size])
        comparison = Comparison(unknown_N, part_A, k, weights, content_N)
        compare = partial(_compared, vectors, part_A, k, weights, progress)
        one = kept_pass(index.manifest, rows_N, comparison, compare, progress)
        start, size = start + size, _GROWTH * (start + size) - (start + size)
        shares = None if weights is None else one.share_AK
        part = Hardest(part_A, one.row_AK, one.similarity_AK, shares, start >= len(turn_A))
        found = part if found is None else found.joined(part)
        yield found


def _compared(
    vectors: Callable[[], NDArray[np.float32]],
    anchor_A: NDArray[np.int64],
    k: int,
    weights: GradientWeights | None,
    progress: Progress | None,
) -> Neighbourhood:
    return neighbourhood_by_columns(vectors(), anchor_A, k, weights, progress)
