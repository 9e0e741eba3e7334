"""What one pass over all pairs is asked for, and what it finds; `indexer.audit.neighbours` makes the pass, which torch is needed for.

# N rows, A anchors, K hardest negatives
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.same_class import LabelSets

if TYPE_CHECKING:
    from samekind.training.diagnostics.gradient_weights import GradientWeights

CAP = 1000
"""Near pairs that are kept by name."""


@dataclass(frozen=True)
class Comparison:
    """Settings of one pass.

    Attributes:
        class_N: `(N,)` class numbers, −1 without label.
        anchor_A: `(A,)` rows that are anchors, distinct.
        k: hardest negatives wanted, 1 ≤ k ≤ N − 1.
        gradient_weights: of the objective; `None` leaves shares out.
        content_N: `(N,)` numbers, equal for rows of equal content; such pairs are not near but exact duplicates.
        near: similarity from which on a pair counts as near duplicate; above 1 for none.
        sets: the classes' labels, where a shared one makes two rows the same class.
    """

    class_N: NDArray[np.int64]
    anchor_A: NDArray[np.int64]
    k: int
    gradient_weights: GradientWeights | None = None
    content_N: NDArray[np.int64] | None = None
    near: float = 2.0
    sets: LabelSets | None = None


@dataclass
class NearPairs:
    """Pairs of rows above a similarity; the most similar ones by name, all of them by number.

    Attributes:
        count: number of pairs.
        best: up to 1,000 `(similarity, row a, row b)` with a < b, most similar first.
    """

    count: int = 0
    best: list[tuple[float, int, int]] = field(default_factory=list)

    def joined(self, other: NearPairs) -> NearPairs:
        """Both together, again with the most similar by name."""
        best = sorted([*self.best, *other.best], key=lambda pair: (-pair[0], pair[1], pair[2]))
        return NearPairs(self.count + other.count, best[:CAP])


@dataclass
class Neighbourhood:
    """Findings of one pass.

    Attributes:
        row_AK: `(A, K)` int64 hardest negatives of each anchor, hardest first; equal ones in row order.
        similarity_AK: `(A, K)` float64 in [-1, 1].
        share_AK: `(A, K)` float64 share of the anchor's whole negative gradient that each draws; NaN without gradient weights.
        false_share_A: `(A,)` float64 share of the gradient, over negatives of known class, that false negatives draw; NaN where unknown.
        near: pairs above the threshold of which at least one row is an anchor.
    """

    row_AK: NDArray[np.int64]
    similarity_AK: NDArray[np.float64]
    share_AK: NDArray[np.float64]
    false_share_A: NDArray[np.float64]
    near: NearPairs
