"""Rows of an array that may be too large for memory: they are copied out as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class RowSource(Protocol):
    """An array, or what stands for one on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """N rows, and the shape of one."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""

    def __len__(self) -> int:
        """N."""

    def __getitem__(self, rows: Any, /) -> Any:
        """The rows of a slice or of an `(n,)` int64 array, in its order: `(n, …)` in memory."""


@dataclass(frozen=True)
class ChosenRows:
    """Some rows of a source, in an order of their own; nothing is read before it is asked for.

    Args:
        source: all rows.
        rows: `(n,)` int64, which of them.
    """

    source: RowSource
    rows: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """n, and the shape of a row."""
        return len(self.rows), *self.source.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The source's."""
        return self.source.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Any, /) -> NDArray[Any]:
        chosen: NDArray[Any] = self.source[self.rows[rows]]
        return chosen


@dataclass(frozen=True)
class ChosenColumns:
    """Every row of a source, of each only a part of its first axis.

    Args:
        source: `(N, K, …)`.
        columns: which of the K.
    """

    source: RowSource
    columns: int | slice

    @property
    def shape(self) -> tuple[int, ...]:
        """N, and the shape of what is left of a row."""
        count, width, *rest = self.source.shape
        kept = () if isinstance(self.columns, int) else (len(range(width)[self.columns]),)
        return count, *kept, *rest

    @property
    def dtype(self) -> np.dtype[Any]:
        """The source's."""
        return self.source.dtype

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, rows: Any, /) -> NDArray[Any]:
        part: NDArray[Any] = self.source[rows][:, self.columns]
        return part


@dataclass(frozen=True)
class StackedRows:
    """Arrays of one shape, put together as they are asked for: a batch that stays in the processor's cache, and no second copy of all.

    Args:
        each: at least one.
    """

    each: Sequence[NDArray[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """N, and the shape of a row."""
        return len(self.each), *self.each[0].shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the first."""
        return self.each[0].dtype

    def __len__(self) -> int:
        return len(self.each)

    def __getitem__(self, rows: Any, /) -> NDArray[Any]:
        return np.stack([self.each[row] for row in np.arange(len(self.each))[rows]])
