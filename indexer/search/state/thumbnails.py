"""The thumbnails that were asked for last: a page shows most of them again when it is drawn the next time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

KEPT = 1024
"""Thumbnails; some megabytes."""


class KeptThumbnails:
    """Reads what it does not have, all of it at once. Several threads may ask.

    Args:
        read: encoded thumbnails of some rows, in their order; the rows stay what they are.
    """

    def __init__(self, read: Callable[[list[int]], list[bytes]]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, bytes] = OrderedDict()

    def of(self, rows: Sequence[int]) -> list[bytes]:
        """Encoded thumbnails in the order of `rows`."""
        with self._lock:
            found = {row: self._kept[row] for row in rows if row in self._kept}
        missing = [row for row in dict.fromkeys(rows) if row not in found]
        if missing:
            found |= zip(missing, self._read(missing), strict=True)
        with self._lock:
            for row in found:
                self._kept[row] = found[row]
                self._kept.move_to_end(row)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return [found[row] for row in rows]
