"""The different contents of an index: exact copies, wherever they lie, are one image to an annotator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samekind.training.false_negatives.links import Pair

if TYPE_CHECKING:
    from samekind.indexer.search.opened import OpenedIndex

# N rows, C contents


class Contents:
    """Contents by number, in the alphabetical order of their hashes.

    Args:
        index: the opened index.

    Attributes:
        sha256_C: `(C,)` hashes.
        number: number of each hash.
        content_N: `(N,)` content of each row.
        row_C: `(C,)` first row of each content.
        is_trained_N: `(N,)` true for rows of the split `train`; for all rows where there is no such split. An answer about an image that
            no training sees would be lost on it.
    """

    def __init__(self, index: OpenedIndex) -> None:
        from pyarrow import compute

        # By Arrow: sorting a million Python strings takes twice as long, and copies of all of them memory.
        found = index.rows.table["sha256"].combine_chunks().dictionary_encode()
        order_C = compute.sort_indices(found.dictionary)
        self.sha256_C = np.array(found.dictionary.take(order_C).to_pylist(), dtype=object)
        number_C = np.empty(len(order_C), np.int64)
        number_C[order_C.to_numpy()] = np.arange(len(order_C))
        self.content_N = number_C[found.indices.to_numpy()]
        self.row_C = np.empty(len(order_C), np.int64)
        self.row_C[self.content_N[::-1]] = np.arange(len(self.content_N))[::-1]  # the first row is written last
        self.number = dict(zip(self.sha256_C.tolist(), range(len(order_C)), strict=True))
        is_train = compute.equal(index.rows.table["split"], "train").to_numpy(zero_copy_only=False)
        self.is_trained_N = np.array(is_train, dtype=bool)
        if not self.is_trained_N.any():
            self.is_trained_N[:] = True

    def __len__(self) -> int:
        return len(self.sha256_C)

    def holds(self, pair: Pair) -> bool:
        """True if the index has both contents."""
        return all(sha256 in self.number for sha256 in pair)
