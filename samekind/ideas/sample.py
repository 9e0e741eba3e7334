"""A drawn part of a corpus, small enough that all its pairs fit in memory."""

# M drawn images, D dimension of an embedding

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.same_class import LabelSets
from samekind.training.diagnostics import figures
from samekind.training.diagnostics.figures import UNKNOWN
from samekind.training.training_set import label_numbers

if TYPE_CHECKING:
    from samekind.indexer.index import Index


@dataclass(frozen=True)
class CorpusSample:
    """Drawn images and all their pairs.

    Attributes:
        row_M: `(M,)` int64 rows of the index, in random order.
        vector_MD: `(M, D)` float32 embeddings of unit norm, as the encoder made them.
        false_MM: `(M, M)` int8: 1 where two images are of the same class (the diagonal too), 0 where not, −1 where one label is unknown.
    """

    row_M: NDArray[np.int64]
    vector_MD: NDArray[np.float32]
    false_MM: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.row_M)

    @property
    def has_labels(self) -> bool:
        """True if the classes of two images at least are known."""
        return int((np.diagonal(self.false_MM) == 1).sum()) > 1

    @cached_property
    def similarity_MM(self) -> NDArray[np.float32]:
        """`(M, M)` float32 cosines."""
        return np.asarray(self.vector_MD @ self.vector_MD.T, dtype=np.float32)

    @cached_property
    def first_component_M(self) -> NDArray[np.float64]:
        """`(M,)` float64 place of each image on the direction in which the sample varies most; any sign."""
        centred = self.vector_MD.astype(np.float64)
        centred -= centred.mean(axis=0)
        _, axes = np.linalg.eigh(centred.T @ centred)
        return np.asarray(centred @ axes[:, -1])


def draw(index: Index, count: int = 1024, seed: int = 0) -> CorpusSample:
    """Draws images of an index without repetition; the same seed draws the same ones.

    Args:
        index: the opened index.
        count: M wanted, at least 1; all images if there are no more.
        seed: of the draw.

    Raises:
        ArtefactError: the index has changed since it was opened.
    """
    row_M = np.random.default_rng(seed).permutation(len(index))[: max(1, count)].astype(np.int64)
    classes = index.classes
    class_N = label_numbers(index.labels, classes)
    class_M = np.full(len(row_M), UNKNOWN) if class_N is None else class_N[row_M]
    false_MM = figures.false_negatives(class_M[:, None], class_M[None, :], LabelSets.of(classes, index.label_rule))
    return CorpusSample(row_M, index.vectors(row_M), false_MM)
