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


def as_far(index: Any, k: int, width: int) -> Any:
    """Search parameters that let a re-ranked index look at no more candidates for `width` proposals than it would for k hits.

    Its factor says how many there are for each hit that is asked for, and was found to be enough so; that a few more of them are scored
    again in float64 needs no more. `None` for other kinds.
    """
    if not isinstance(index, faiss.IndexRefine) or width <= k:
        return None
    return faiss.IndexRefineSearchParameters(k_factor=max(1.0, (index.k_factor * k + 0.5) / width))


def on_gpus(index: Any) -> Any:
    """A copy of the index on all GPUs, or `None` without any, or for a kind that GPUs do not search."""
    if not isinstance(index, faiss.IndexFlat | faiss.IndexIVFFlat):
        return None
    if getattr(faiss, "get_num_gpus", lambda: 0)() == 0 or index.ntotal == 0:
        return None
    return faiss.index_cpu_to_all_gpus(index)
