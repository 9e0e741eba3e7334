"""The one import of FAISS; where it is missing, the error names the extra to install."""

from __future__ import annotations

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
