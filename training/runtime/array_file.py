"""One array of the cache: its rows are computed in order, once, by whoever needs them first, and read by everybody else.

Rows are counted in a mark beside the file after they have reached the disk, so whoever is interrupted continues at the next block. Its name
is the digest of everything that decides its content.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.core.text import size_text
from samekind.training.runtime.artefact import write_atomically
from samekind.training.runtime.cache_folder import SUFFIXES, CacheEntry, cache_folder, reserve
from samekind.training.runtime.lock import exclusive
from samekind.training.runtime.rows_on_disk import RowsOnDisk

IN_MEMORY = 256 << 20
"""Bytes of an array that is kept in memory instead, where that is as good."""
_PATIENCE = 24 * 3600.0  # seconds to wait for another run that computes the same

Blocks = Callable[[int], Iterator[NDArray[Any]]]
"""Computes the rows from a number on, as blocks that follow each other."""


def fits_in_memory(shape: tuple[int, ...], dtype: str) -> bool:
    """True for an array that need not go to disk."""
    return math.prod(shape) * np.dtype(dtype).itemsize <= IN_MEMORY


@dataclass(frozen=True)
class ArrayFile:
    """An array of the cache.

    Args:
        kind: `features`, `pixels`, `vectors` or `audits`.
        digest: of what decides the content.
        shape: N ≥ 1 rows, and the shape of one.
        dtype: numpy's name of the type.
        what: the array in words, in the plural.
        hint: how to make it smaller.
    """

    kind: str
    digest: str
    shape: tuple[int, ...]
    dtype: str
    what: str
    hint: str

    @cached_property
    def entry(self) -> CacheEntry:
        """Where it is, or will be."""
        return CacheEntry(cache_folder() / self.kind / f"{self.digest}{SUFFIXES[self.kind]}")

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def done(self) -> int:
        """Number of rows that are on disk."""
        file = self.entry.file
        try:
            return int(self.entry.state["done"]) if file.stat().st_size == self.size else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def rows(self, compute: Blocks, task: str, progress: Progress) -> RowsOnDisk:
        """The array, computed as far as it is not on disk yet.

        Args:
            compute: computes it from a row on.
            task: names the bar.
            progress: shows a bar, and says where the array is and how large.

        Raises:
            ArtefactError: the disk is too full for it, or the limit of the cache too low.
        """
        if (found := self.opened()) is not None:
            return found
        with exclusive(self.entry.file.parent, self.entry.lock, _PATIENCE):  # other runs may want the same
            if self.done < self.shape[0]:
                self._complete(compute, task, progress)
            written = self.opened()
        assert written is not None  # nobody deletes what is locked
        return written

    def opened(self) -> RowsOnDisk | None:
        """The array for reading, if it is there in full."""
        try:
            found = RowsOnDisk(self.entry.file, self.shape, self.dtype)
        except FileNotFoundError:
            return None
        if found.is_whole and self.done == self.shape[0]:
            with suppress(
                OSError
            ):  # of somebody else, or on a disk that cannot be written: then it may be deleted sooner
                os.utime(self.entry.mark)
            return found
        found.close()
        return None

    def _complete(self, compute: Blocks, task: str, progress: Progress) -> None:
        """Computes what is missing; the caller holds the lock."""
        done, file = self.done, self.entry.file
        if not done:
            reserve(file, self.size, self.what, self.hint, progress)
            self._mark(0)
        progress.print(f"{self.what}, computed once: {size_text(self.size)} in {file}")
        with progress.task(task, self.shape[0]) as bar, file.open("r+b") as stream:
            bar.advance(done)
            stream.seek(done * (self.size // self.shape[0]))
            for block in compute(done):
                self._write(np.ascontiguousarray(block, self.dtype), stream)
                done += len(block)
                self._mark(done)
                bar.advance(len(block))

    def _write(self, block: NDArray[Any], stream: Any) -> None:
        try:
            stream.write(block.data)
            stream.flush()
            os.fsync(stream.fileno())
        except OSError as error:
            raise ArtefactError(
                f"cannot write {self.entry.file}: {error.strerror}", hint="check the disk; the same command continues"
            ) from error

    def _mark(self, done: int) -> None:
        write_atomically(self.entry.mark, json.dumps({"done": done, "what": self.what}).encode())
