"""NumPy's matrix products on one thread each, for parts of a computation that run side by side (`side_by_side`).

Torch has a number of threads for every thread that calls it. OpenBLAS, which NumPy multiplies with, has one for the whole process, and
products that several threads ask for at once wait for its helpers in turn.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_turn = threading.Lock()
_inside = 0
_limits: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """NumPy's BLAS uses no helpers until the last of those who are inside has left."""
    global _inside, _limits
    from threadpoolctl import threadpool_limits

    with _turn:
        if not _inside:
            _limits = threadpool_limits(1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _turn:
            _inside -= 1
            if not _inside:
                _limits.restore_original_limits()
