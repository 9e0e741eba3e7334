"""Publishing takes rows in blocks: memory does not grow with them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import samekind as sk
from samekind.indexer.published import publishing

FEW, MANY, DIM = 1000, 9000, 8
A_ROW = 20
"""Bytes that a further row may take; its columns as Python objects take 500 to 1,000."""


def _peak(folder: Path, rows: int) -> tuple[int, int]:
    """Greatest memory of Python and NumPy while rows are published, and while they are compared with what is there, in bytes."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((rows, DIM)).astype(np.float32)
    index = sk.index_vectors(vectors, [f"{i:06}" for i in range(rows)], folder / f"index-{rows}")
    peaks = list[int]()
    for added in (rows, 0):
        index = sk.Index.open(index.path)
        _ = index.rows, index.table
        tracemalloc.start()
        done = sk.publish(index, str(folder / f"place-{rows}"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (done.rows, done.added) == (rows, added)
    return peaks[0], peaks[1]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine times the rows take a few bytes each, at first and where all is there already."""
    monkeypatch.setattr(publishing, "_TOLD_AT_ONCE", 500)
    monkeypatch.setattr(publishing, "_BLOCK_BYTES", 500 * (publishing._ROW_BYTES + 4 * DIM))
    for few, many in zip(_peak(tmp_path, FEW), _peak(tmp_path, MANY), strict=True):
        assert (many - few) / (MANY - FEW) < A_ROW
