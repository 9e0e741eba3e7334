"""How FAISS is asked: only some rows, and on GPUs."""

from __future__ import annotations

from typing import Any

import numpy as np

from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.unit_vectors import Rows


def only_rows(rows: Rows | None, total: int) -> Any:
    """Search parameters that let FAISS look at some of so many rows; `None` for all."""
    if rows is None:
        return None
    wanted = np.zeros(total, dtype=bool)
    wanted[rows] = True
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(wanted, bitorder="little")))


def on_gpus(index: Any) -> Any:
    """A copy of the index on all GPUs, or `None` without any, or for a kind that GPUs do not search."""
    if not isinstance(index, faiss.IndexFlat | faiss.IndexIVFFlat):
        return None
    if getattr(faiss, "get_num_gpus", lambda: 0)() == 0 or index.ntotal == 0:
        return None
    return faiss.index_cpu_to_all_gpus(index)
