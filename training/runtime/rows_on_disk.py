"""Rows of an array in a file: each read maps the file, copies the rows out, and lets go of the map.

A map that stayed would count whatever has been touched as memory of the process, and its page tables would grow with the file. Exactly the
bytes of the rows are asked for before they are copied: in the order of a shuffle, the system would otherwise read ahead what nobody wants.
The pages are the system's, and shared by all processes that read the file.
"""

from __future__ import annotations

import math
import mmap
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.training.runtime.lock import mark_as_read

_PIECE = 1 << 17  # bytes: Linux reads no more than its window for each request, and that is the usual one


class RowsOnDisk:
    """An array on disk for reading. As long as it lives, nobody empties the file out of the cache.

    A process that gets a copy, by fork or by pickling, reads the same file.

    Args:
        file: the array's bytes in C order.
        shape: N rows, and the shape of one.
        dtype: numpy's name of the type.

    Raises:
        OSError: there is no such file.
    """

    def __init__(self, file: Path, shape: tuple[int, ...], dtype: str) -> None:
        self._file, self._shape, self._dtype = file, shape, np.dtype(dtype)
        self._descriptor = os.open(file, os.O_RDONLY)
        self._closed = weakref.finalize(self, os.close, self._descriptor)
        mark_as_read(self._descriptor)

    def __reduce__(self) -> tuple[type[RowsOnDisk], tuple[Path, tuple[int, ...], str]]:
        return type(self), (self._file, self._shape, self._dtype.name)

    @property
    def shape(self) -> tuple[int, ...]:
        """N rows, and the shape of one."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self._dtype

    @property
    def is_whole(self) -> bool:
        """True if the file has the array's size, and was not deleted while it was being opened."""
        found = os.fstat(self._descriptor)
        return found.st_nlink > 0 and found.st_size == len(self) * self._row_bytes

    def __len__(self) -> int:
        return self._shape[0]

    def __getitem__(self, rows: slice | NDArray[np.int64], /) -> NDArray[Any]:
        chosen = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else np.asarray(rows)
        mapped = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
        if hasattr(mapped, "madvise"):
            self._ask_for(mapped, chosen)
        copied: NDArray[Any] = np.frombuffer(mapped, self._dtype).reshape(self._shape)[chosen]
        return copied

    def close(self) -> None:
        """Ends reading; so does the end of this object."""
        self._closed()

    @property
    def _row_bytes(self) -> int:
        return math.prod(self._shape[1:]) * self._dtype.itemsize

    def _ask_for(self, mapped: mmap.mmap, rows: NDArray[np.int64]) -> None:
        mapped.madvise(mmap.MADV_RANDOM)  # nothing around it
        for first, last in _runs(rows):
            start, stop = first * self._row_bytes, (last + 1) * self._row_bytes
            for piece in range(start - start % mmap.PAGESIZE, stop, _PIECE):
                mapped.madvise(mmap.MADV_WILLNEED, piece, min(_PIECE, stop - piece))


def _runs(rows: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """First and last of every run of rows that follow each other."""
    breaks = np.flatnonzero(np.diff(rows) != 1)
    yield from (
        zip(rows[np.r_[0, breaks + 1]].tolist(), rows[np.r_[breaks, -1]].tolist(), strict=True) if len(rows) else ()
    )
