"""Who is whose positive and who is whose negative, as one similarity matrix.

# A anchors, M candidates, B images of a batch, D dimension of the projection, Q keys of the queue

Every objective sees the same three things: the anchor's similarity to its positive, its similarities to all candidates, and a mask
that says which candidates are its negatives. Self-similarities and the positive itself are masked, not cut out: a masked matrix needs
no copy, and a treatment of false negatives is one more mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Contrast:
    """One batch as the objectives see it.

    Attributes:
        positive: `(A,)` float32 cosine of each anchor to its positive.
        candidate: `(A, M)` float32 cosines of each anchor to all candidates.
        is_negative: `(A, M)` bool, the candidates that count as negatives.
        anchor_index: `(A,)` int64, which training image each anchor is a view of.
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


def in_batch(view_1_BD: Tensor, view_2_BD: Tensor, index_B: Tensor) -> Contrast:
    """Both views of every image are anchors; all views of the other images are negatives (2B − 2 each, as in SimCLR).

    Args:
        view_1_BD: `(B, D)` unit-norm projections of the first views.
        view_2_BD: `(B, D)` unit-norm projections of the second views.
        index_B: `(B,)` int64 training image of each row.

    Source:
        NT-Xent, arXiv 2002.05709, equation 1.
    """
    both = torch.cat([view_1_BD, view_2_BD]).float()
    index = torch.cat([index_B, index_B])
    candidate = both @ both.T
    batch = len(view_1_BD)
    positive = torch.cat([candidate.diagonal(batch), candidate.diagonal(-batch)])
    return Contrast(positive, candidate, _different_image(index, index), index, index, both.roll(batch, 0), both)


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

    Source:
        arXiv 1911.05722, algorithm 1.
    """
    keys = torch.cat([key_BD, queue_QD]).float()
    index = torch.cat([index_B, queue_index_Q])
    candidate = anchor_BD.float() @ keys.T
    is_negative = _different_image(index_B, index) & (index >= 0)
    positive = (anchor_BD.float() * key_BD.float()).sum(1)
    return Contrast(positive, candidate, is_negative, index_B, index, key_BD.float(), keys)


def _different_image(anchor_A: Tensor, candidate_M: Tensor) -> Tensor:
    return anchor_A[:, None] != candidate_M[None, :]
