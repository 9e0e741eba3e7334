"""Weighted k-NN accuracy, the yardstick of every run: of any vectors, and of a finished encoder on the test split."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.same_class import LabelSets
from samekind.training.models.embed_corpus import embed_corpus
from samekind.training.models.encoder import Encoder
from samekind.training.runtime.side_by_side import side_by_side
from samekind.training.training_set import label_numbers

KNN_K = 20
KNN_TEMPERATURE = 0.1
_BLOCK = 1000  # queries at once
_BLOCK_VALUES = 1 << 25  # similarities at once in a thread: fewer queries against a bank of more than 33,000 rows


def knn_accuracy(
    bank_ND: NDArray[np.float32],
    bank_labels_N: NDArray[np.int64],
    query_QD: NDArray[np.float32],
    query_labels_Q: NDArray[np.int64],
    k: int = KNN_K,
    temperature: float = KNN_TEMPERATURE,
    sets: LabelSets | None = None,
) -> float | None:
    """Share of queries whose class wins a vote of the k nearest bank rows, weighted by `exp(cosine / temperature)`.

    Args:
        bank_ND: `(N, D)` unit-norm float32.
        bank_labels_N: `(N,)` class numbers ≥ 0; rows with −1 (unknown) are left out.
        query_QD: `(Q, D)` unit-norm float32.
        query_labels_Q: `(Q,)` class numbers; −1 is left out.
        k: neighbours; lowered to the bank's size.
        temperature: of the weights, > 0.
        sets: the classes' labels, where a shared one makes two images the same class: then a neighbour votes for each of its labels, and
            the winner must be one of the query's.

    Returns:
        Accuracy in [0, 1], or `None` without a labelled query or bank row.

    Raises:
        InputError: k < 1.

    Source:
        Instance discrimination, arXiv 1805.01978, section 3.4.
    """
    if k < 1:
        raise InputError(f"k must be at least 1, got {k}")
    bank_rows, query_rows = bank_labels_N >= 0, query_labels_Q >= 0
    if not bank_rows.any() or not query_rows.any():
        return None
    bank, bank_labels = torch.from_numpy(bank_ND[bank_rows]), torch.from_numpy(bank_labels_N[bank_rows])
    query, query_labels = torch.from_numpy(query_QD[query_rows]), torch.from_numpy(query_labels_Q[query_rows])
    k = min(k, len(bank))
    classes = int(bank_labels.max()) + 1
    block = int(np.clip(_BLOCK_VALUES // len(bank), 1, _BLOCK))

    has_CL = None if sets is None else torch.from_numpy(sets.has_CL)

    def correct(start: int) -> int:
        similarity, nearest = (query[start : start + block] @ bank.T).topk(k, dim=1)
        weight = ((similarity - 1) / temperature).exp()
        if has_CL is not None:
            winner = _votes_for_labels(weight, bank_labels[nearest], has_CL).argmax(1)
            return int(has_CL[query_labels[start : start + block], winner].sum())
        votes = torch.zeros(len(weight), classes).scatter_add_(1, bank_labels[nearest], weight)
        return int((votes.argmax(1) == query_labels[start : start + block]).sum())

    return sum(side_by_side(correct, range(0, len(query), block))) / len(query)


def _votes_for_labels(weight_BK: Tensor, class_BK: Tensor, has_CL: Tensor) -> Tensor:
    """`(B, L)` weights by label of neighbours that have several; one rank after another, for memory."""
    votes = torch.zeros(len(weight_BK), has_CL.shape[1])
    for weight_B, class_B in zip(weight_BK.T, class_BK.T, strict=True):
        votes += weight_B[:, None] * has_CL[class_B]
    return votes


def evaluate_test_split(
    encoder: Encoder, corpus: Corpus, progress: Progress, bank_ND: NDArray[np.float32] | None
) -> dict[str, Any]:
    """k-NN accuracy on the test split against the whole training split (also the images that `limit` left out, as `evaluate` does).

    Args:
        encoder: the finished one.
        corpus: with all its splits.
        progress: shows bars.
        bank_ND: `(N, D)` embeddings of the training split; `None` computes them.

    Returns:
        `knn_accuracy` (`None` with a `note` where it is undefined), `knn_k`, `num_bank`, `num_test`.
    """
    train, test = corpus.split("train"), corpus.split("test")
    figures: dict[str, Any] = {"knn_accuracy": None, "knn_k": KNN_K, "num_bank": len(train), "num_test": len(test)}
    bank_labels, query_labels = (label_numbers(part.labels, corpus.classes) for part in (train, test))
    if bank_labels is None or query_labels is None:
        return {**figures, "note": "no labels: accuracy cannot be measured"}
    if len(test) == 0:
        return {**figures, "note": "no test split: accuracy cannot be measured"}
    sets = LabelSets.of(corpus.classes, corpus.label_rule)
    bank = embed_corpus(encoder, train, progress) if bank_ND is None else bank_ND
    query = embed_corpus(encoder, test, progress)
    return {**figures, "knn_accuracy": knn_accuracy(bank, bank_labels, query, query_labels, sets=sets)}
