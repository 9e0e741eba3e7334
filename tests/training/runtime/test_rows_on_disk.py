"""Rows of a file, and choices among them."""

from __future__ import annotations

import multiprocessing
import pickle
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from samekind.data.types.rows import ChosenColumns, ChosenRows
from samekind.training.runtime import rows_on_disk
from samekind.training.runtime.rows_on_disk import RowsOnDisk

VALUES: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (300, 40, 30), dtype=np.uint8)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The values, as bytes."""
    path = tmp_path_factory.mktemp("rows") / "array"
    path.write_bytes(VALUES.tobytes())
    return path


@given(st.lists(st.integers(0, 299), max_size=40))
def test_rows_are_those_asked_for_in_that_order(file: Path, rows: list[int]) -> None:
    """Any of them, often, or none; slices too."""
    stored, chosen = RowsOnDisk(file, VALUES.shape, "uint8"), np.array(rows, dtype=np.int64)
    assert np.array_equal(stored[chosen], VALUES[chosen])
    part = slice(min(rows, default=0), max(rows, default=0))
    assert np.array_equal(stored[part], VALUES[part])


def test_what_was_read_is_a_copy_and_outlives_the_file(file: Path, tmp_path: Path) -> None:
    """It can be written to, and nothing of the map stays with it; a file that is deleted can still be read by who has it open."""
    own = tmp_path / "array"
    own.write_bytes(VALUES.tobytes())
    stored = RowsOnDisk(own, VALUES.shape, "uint8")
    read = stored[:2]
    read[:] = 0
    own.unlink()
    assert np.array_equal(stored[:2], VALUES[:2])
    assert not stored.is_whole


@given(st.lists(st.integers(0, 299), max_size=40))
def test_exactly_the_bytes_of_the_rows_are_asked_for(rows: list[int]) -> None:
    """As runs of rows that follow each other."""
    runs = list(rows_on_disk._runs(np.array(rows, dtype=np.int64)))
    assert [row for first, last in runs for row in range(first, last + 1)] == rows
    assert all(first != last + 1 for (_, last), (first, _) in pairwise(runs))


def test_another_process_reads_the_same_file(file: Path) -> None:
    """A pickled copy names the file and holds no row; a process that was spawned reads by it."""
    stored = RowsOnDisk(file, VALUES.shape, "uint8")
    pickled = pickle.dumps(stored)
    assert len(pickled) < 1000
    assert np.array_equal(pickle.loads(pickled)[:], VALUES)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert np.array_equal(pool.apply(stored.__getitem__, (np.array([7, 3]),)), VALUES[[7, 3]])


def test_choices_are_made_when_rows_are_asked_for(file: Path) -> None:
    """Rows of rows and columns of rows are NumPy's; shape, type and length are told without reading."""
    stored, order = RowsOnDisk(file, VALUES.shape, "uint8"), np.random.default_rng(1).permutation(300)[:50]
    for columns in (3, slice(1, None)):
        chosen = ChosenRows(ChosenColumns(stored, columns), order)
        expected = VALUES[:, columns][order]
        assert (chosen.shape, chosen.dtype, len(chosen)) == (expected.shape, expected.dtype, 50)
        assert np.array_equal(chosen[:], expected)
        assert np.array_equal(chosen[10:20], expected[10:20])
        assert np.array_equal(chosen[np.array([4, 4, 0])], expected[[4, 4, 0]])


def mapped() -> int:
    """Bytes of files that this process has in its memory."""
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssFile"))) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")
def test_memory_does_not_grow_with_what_was_read(tmp_path: Path) -> None:
    """All of a file of 64 MiB is read in a shuffled order, and nothing of it stays with the process."""
    big = tmp_path / "array"
    big.write_bytes(b"".join(bytes([number]) * (1 << 20) for number in range(64)))
    stored, before = RowsOnDisk(big, (256, 1 << 18), "uint8"), mapped()
    for rows in np.split(np.random.default_rng(0).permutation(256), 16):
        assert np.array_equal(stored[rows][:, 0], rows // 4)
    assert mapped() - before < 16 << 20
