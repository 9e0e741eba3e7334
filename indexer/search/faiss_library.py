"""The one import of FAISS; where it is missing, the error names the extra to install."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from samekind.core.errors import MissingDependencyError

try:
    import faiss as faiss_module
except ModuleNotFoundError as error:
    if error.name != "faiss":
        raise
    raise MissingDependencyError(
        "FAISS is not installed", hint="pip install 'samekind[cpu]', with an NVIDIA GPU 'samekind[gpu]'"
    ) from error

faiss: Any = faiss_module  # some builds ship type hints of SWIG's raw signatures, which Python's wrappers do not follow, others ship none


@contextmanager
def faiss_threads(count: int | None) -> Iterator[None]:
    """FAISS with `count` threads; as many as it takes by itself for `None`."""
    if count is None:
        yield
        return
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(count)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
