"""Anchors, positives and negatives of a batch, as one similarity matrix.

# A anchors, M candidates, B images of a batch, D dimension of the projection, Q keys of the queue

Every objective sees the same three things: the anchor's similarity to its positive, its similarities to all candidates, and a mask
that says which candidates are its negatives. Self-similarities and the positive itself are masked, not cut out: a masked matrix needs
no copy, and a treatment of false negatives is one more mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from samekind.training.objectives.checks import check_rows, check_shape

Rows = slice | Tensor


@dataclass(frozen=True)
class Contrast:
    """One batch as the objectives see it; floats are float32, or float64 where the embeddings are.

    Attributes:
        positive: `(A,)` cosine of each anchor to its positive.
        candidate: `(A, M)` cosines of each anchor to all candidates.
        is_negative: `(A, M)` bool, the candidates that count as negatives.
        anchor_index: `(A,)` int64 training image that each anchor is a view of.
        candidate_index: `(M,)` int64, likewise for the candidates; −1 where a queue is not yet filled.
        positive_vector: `(A, D)` the positives themselves.
        candidate_vector: `(M, D)` the candidates themselves.
    """

    positive: Tensor
    candidate: Tensor
    is_negative: Tensor
    anchor_index: Tensor
    candidate_index: Tensor
    positive_vector: Tensor
    candidate_vector: Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """float64 as it is, any other dtype as float32: half precision is too coarse for sums of exponentials."""
    return x if x.dtype == torch.float64 else x.float()


def in_batch(view_1_BD: Tensor, view_2_BD: Tensor, index_B: Tensor | None = None) -> Contrast:
    """Both views of every image are anchors; all views of the other images are negatives (2B − 2 each, as in SimCLR).

    Args:
        view_1_BD: `(B, D)` unit-norm projections of the first views.
        view_2_BD: `(B, D)` unit-norm projections of the second views.
        index_B: `(B,)` int64 training image of each row; all different if left out. Rows of one image are no negatives of each other.

    Raises:
        ValueError: the views are not of one shape, or there is not one index a row.

    Source:
        NT-Xent, arXiv 2002.05709, equation 1.
    """
    check_rows("view_1_BD", view_1_BD)
    check_shape("view_2_BD", view_2_BD, tuple(view_1_BD.shape))
    if index_B is None:
        index_B = torch.arange(len(view_1_BD), device=view_1_BD.device)
    check_shape("index_B", index_B, (len(view_1_BD),))
    return in_batch_rows(torch.cat([view_1_BD, view_2_BD]), index_B.repeat(2), slice(None))


def against_keys(
    anchor_BD: Tensor, key_BD: Tensor, index_B: Tensor, queue_QD: Tensor, queue_index_Q: Tensor
) -> Contrast:
    """Anchors against the momentum encoder's keys of this batch and of a queue (MoCo).

    Args:
        anchor_BD: `(B, D)` unit-norm projections of the first views.
        key_BD: `(B, D)` unit-norm keys of the second views, without gradient.
        index_B: `(B,)` int64 training image of each row.
        queue_QD: `(Q, D)` unit-norm older keys.
        queue_index_Q: `(Q,)` int64 training image of each older key, −1 for a slot that is still empty.

    An older key of the anchor's own image is not a negative: it is another view of the anchor.

    Raises:
        ValueError: anchors and keys are not of one shape, or there is not one index a row.

    Source:
        arXiv 1911.05722, algorithm 1.
    """
    check_rows("anchor_BD", anchor_BD)
    check_shape("key_BD", key_BD, tuple(anchor_BD.shape))
    check_shape("queue_QD", queue_QD, (len(queue_QD), anchor_BD.shape[1]))
    check_shape("index_B", index_B, (len(anchor_BD),))
    check_shape("queue_index_Q", queue_index_Q, (len(queue_QD),))
    return against_keys_rows(anchor_BD, torch.cat([key_BD, queue_QD]), torch.cat([index_B, queue_index_Q]), slice(None))


def in_batch_rows(both_2BD: Tensor, index_2B: Tensor, rows: Rows) -> Contrast:
    """Contrast of some rows of `in_batch`.

    Args:
        both_2BD: `(2B, D)` unit-norm projections, all first views and then all second views.
        index_2B: `(2B,)` int64 training image of each row.
        rows: the anchors among the 2B rows: a slice, or int64 numbers. A large batch is worked through in slices, and of several
            processes each has its own rows.

    Returns:
        The contrast of these anchors with all 2B candidates.
    """
    both = at_least_float32(both_2BD)
    number = torch.arange(len(both), device=both.device)
    positive = number.roll(len(both) // 2)[rows]
    candidate = both[rows] @ both.T
    return Contrast(
        positive=candidate.gather(1, positive[:, None]).squeeze(1),
        candidate=candidate,
        is_negative=index_2B[rows][:, None] != index_2B[None, :],
        anchor_index=index_2B[rows],
        candidate_index=index_2B,
        positive_vector=both[positive],
        candidate_vector=both,
    )


def against_keys_rows(anchor_BD: Tensor, key_MD: Tensor, key_index_M: Tensor, rows: Rows) -> Contrast:
    """Contrast of some rows of `against_keys`.

    Args:
        anchor_BD: `(B, D)` unit-norm projections of the first views.
        key_MD: `(M, D)` unit-norm keys without gradient: first those of the B second views, then the queue's. Joined once by the caller,
            so that blocks do not join them again.
        key_index_M: `(M,)` int64 training image of each key, −1 for a slot that is still empty; the first B are the anchors' too.
        rows: the anchors among the B rows.

    Returns:
        The contrast of these anchors with all M keys.
    """
    anchor, keys = at_least_float32(anchor_BD[rows]), at_least_float32(key_MD)
    own = at_least_float32(key_MD[: len(anchor_BD)][rows])
    index = key_index_M[: len(anchor_BD)][rows]
    return Contrast(
        positive=(anchor * own).sum(1),
        candidate=anchor @ keys.T,
        is_negative=(index[:, None] != key_index_M[None, :]) & (key_index_M >= 0),
        anchor_index=index,
        candidate_index=key_index_M,
        positive_vector=own,
        candidate_vector=keys,
    )
