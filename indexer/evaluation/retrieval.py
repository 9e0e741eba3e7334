"""Retrieval of images of the query's class: `hit_rate_at_1` and `map_at_r`.

# N bank rows, Q queries, D dimension
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.core.progress import Task
from samekind.data.types.same_class import LabelSets, same_class
from samekind.training.runtime.side_by_side import side_by_side

_BLOCK_VALUES = 1 << 24

Float32 = NDArray[np.float32]
Classes = NDArray[np.int64]


def hit_rate_at_1(
    bank_ND: Float32, bank_class_N: Classes, query_QD: Float32, query_class_Q: Classes, sets: LabelSets | None = None
) -> float | None:
    """Share of queries whose nearest bank row has their class; `None` if there is nothing to compare.

    Args:
        bank_ND: `(N, D)` float32 of unit norm.
        bank_class_N: `(N,)` class numbers ≥ 0.
        query_QD: `(Q, D)` float32 of unit norm.
        query_class_Q: `(Q,)` class numbers ≥ 0.
        sets: the classes' labels, where a shared one makes two images the same class.
    """
    if len(bank_ND) == 0 or len(query_QD) == 0:
        return None
    bank, query = torch.from_numpy(bank_ND), torch.from_numpy(query_QD)

    def hits(part: slice) -> int:
        nearest = (query[part] @ bank.T).argmax(dim=1).numpy()
        return int(same_class(bank_class_N[nearest], query_class_Q[part], sets).sum())

    return sum(side_by_side(hits, _parts(bank, query))) / len(query_QD)


def map_at_r(
    bank_ND: Float32,
    bank_class_N: Classes,
    query_QD: Float32,
    query_class_Q: Classes,
    task: Task | None = None,
    sets: LabelSets | None = None,
) -> float | None:
    """Mean average precision at R, where R is the number of bank rows of the query's class.

    For each query the mean over its first R ranks of the precision at that rank if it is of the same class, else 0. Queries of a class that
    the bank does not hold are left out.

    Args:
        bank_ND: `(N, D)` float32 of unit norm.
        bank_class_N: `(N,)` class numbers ≥ 0.
        query_QD: `(Q, D)` float32 of unit norm.
        query_class_Q: `(Q,)` class numbers ≥ 0.
        task: advances by the queries that are done.
        sets: the classes' labels, where a shared one makes two images the same class.

    Source:
        arXiv 2003.08505, section 3.2.
    """
    if sets is None:
        relevant_Q = np.bincount(bank_class_N, minlength=int(query_class_Q.max(initial=-1)) + 1)[query_class_Q]
    else:
        relevant_Q = sets.num_same(query_class_Q, bank_class_N)
    bank, query = torch.from_numpy(bank_ND), torch.from_numpy(query_QD)

    def average_precisions(part: slice) -> tuple[int, list[float]]:
        found = _average_precisions(query[part] @ bank.T, bank_class_N, query_class_Q[part], relevant_Q[part], sets)
        return len(relevant_Q[part]), found

    precisions: list[float] = []
    for done, found in side_by_side(average_precisions, _parts(bank, query)):
        precisions += found
        if task is not None:
            task.advance(done)
    return float(np.mean(precisions)) if precisions else None


def _average_precisions(
    similarity_BN: Tensor, bank_class_N: Classes, query_class_B: Classes, relevant_B: Classes, sets: LabelSets | None
) -> list[float]:
    deepest = int(relevant_B.max(initial=0))
    if deepest == 0:
        return []
    nearest_BR = similarity_BN.topk(deepest, dim=1).indices.numpy()
    same_BR = same_class(bank_class_N[nearest_BR], query_class_B[:, None], sets)
    rank_R = np.arange(1, deepest + 1)
    precision_BR = np.cumsum(same_BR, axis=1) / rank_R
    counted_BR = same_BR & (rank_R <= relevant_B[:, None])
    total_B = np.where(counted_BR, precision_BR, 0.0).sum(axis=1)
    return [float(total / r) for total, r in zip(total_B, relevant_B, strict=True) if r]


def _parts(bank_ND: Tensor, query_QD: Tensor) -> list[slice]:
    """Queries whose similarities with the bank are in memory at once."""
    step = max(1, _BLOCK_VALUES // max(1, len(bank_ND)))
    return [slice(start, start + step) for start in range(0, len(query_QD), step)]
