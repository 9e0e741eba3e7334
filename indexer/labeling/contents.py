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
        hashes = index.rows.column("sha256")
        self.sha256_C = np.array(sorted(set(hashes)), dtype=object)  # `np.unique` takes longer for strings
        self.number = dict(zip(self.sha256_C.tolist(), range(len(self.sha256_C)), strict=True))
        self.content_N = np.fromiter(map(self.number.__getitem__, hashes), np.int64, len(hashes))
        self.row_C = np.empty(len(self.sha256_C), np.int64)
        self.row_C[self.content_N[::-1]] = np.arange(len(hashes))[::-1]  # the first row is written last
        self.is_trained_N = np.array(index.splits, dtype=object) == "train"
        if not self.is_trained_N.any():
            self.is_trained_N[:] = True

    def __len__(self) -> int:
        return len(self.sha256_C)

    def holds(self, pair: Pair) -> bool:
        """True if the index has both contents."""
        return all(sha256 in self.number for sha256 in pair)
