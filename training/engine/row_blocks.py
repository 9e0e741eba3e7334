"""The loss of a large batch in blocks of anchors, each released before the next is built.

Every objective is a mean over anchors of something that depends on the anchor's own row of similarities. So the matrix of all anchors by
all candidates, which grows with the square of the batch, never has to exist: a block of rows is built, differentiated and dropped. Only
the gradient of the projections, as small as they are, is kept.
"""

# A anchors, M candidates, B images, D dimension of the projection

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor

from samekind.training.objectives.similarity import Contrast

BLOCK_BYTES = 4 * 2**20

Output = TypeVar("Output", bound=tuple[Tensor, Tensor, *tuple[Any, ...]])
"""Of a block of a anchors: `(a,)` float loss, 0 where an anchor does not count, `(a,)` bool, True where it counts; and whatever else."""


class Block(NamedTuple, Generic[Output]):
    """A block of anchors, differentiated.

    Attributes:
        rows: which anchors.
        contrast: of these.
        output: of the loss.
        gradient: `(a, M)` derivative of the loss by each similarity.
    """

    rows: slice
    contrast: Contrast
    output: Output
    gradient: Tensor


def backward_in_row_blocks(
    make_block: Callable[[slice], Contrast],
    per_anchor_loss: Callable[[Contrast], Output],
    leaves: Sequence[Tensor],
    *,
    num_anchors: int,
    block_rows: int,
    observe: Callable[[Block[Output]], object] | None = None,
) -> Tensor:
    """Mean loss over the anchors that count, and its gradient by `leaves`, added to their `.grad` as `backward` would.

    Args:
        make_block: the contrast of a slice of anchors, with a graph to `leaves`. Called once a block, in order.
        per_anchor_loss: see `Output`; an anchor counts if it has a negative left. Must treat every row by itself.
        leaves: tensors that require a gradient: the projections, and the objective's own parameters if it has any.
        num_anchors: A, ≥ 1.
        block_rows: anchors a block at most, ≥ 1; see `rows_per_block`.
        observe: is shown each block, in order, with the derivative of the mean over all A anchors. Where some anchors do not count, the
            true derivative is greater by one factor for all: `A / counted`.

    Returns:
        Scalar loss without a graph; 0 if no anchor counts.

    Raises:
        ValueError: `num_anchors` or `block_rows` is below 1.
    """
    if num_anchors < 1 or block_rows < 1:
        raise ValueError(f"{num_anchors} anchors in blocks of {block_rows}: both must be at least 1")
    totals = [torch.zeros_like(leaf) for leaf in leaves]
    device = leaves[0].device
    loss, counted = torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device)
    for start in range(0, num_anchors, block_rows):
        rows = slice(start, min(start + block_rows, num_anchors))
        contrast = make_block(rows)
        output = per_anchor_loss(contrast)
        share = output[0].sum() / num_anchors
        by_candidate = _add_gradients(share, leaves, totals, contrast.candidate if observe else None)
        loss, counted = loss + share.detach(), counted + output[1].sum()
        if observe and by_candidate is not None:
            observe(Block(rows, contrast, output, by_candidate))
        del contrast, output, share, by_candidate  # or two blocks would exist while the next is built
    scale = num_anchors / counted.clamp(min=1)  # blocks were divided by all anchors, before it was known how many count
    for leaf, total in zip(leaves, totals, strict=True):
        total.mul_(scale)
        leaf.grad = total if leaf.grad is None else leaf.grad + total
    return loss * scale


def _add_gradients(
    loss: Tensor, leaves: Sequence[Tensor], totals: Sequence[Tensor], candidate: Tensor | None
) -> Tensor | None:
    """Adds a block's gradients to the totals; returns that of its similarities if they are given."""
    if not loss.requires_grad:  # a block in which nothing counts may be a constant
        return None if candidate is None else torch.zeros_like(candidate)
    wanted = [*leaves] if candidate is None else [*leaves, candidate]
    gradients = torch.autograd.grad(loss, wanted, materialize_grads=True)
    for total, gradient in zip(totals, gradients, strict=False):
        total.add_(gradient)
    return None if candidate is None else gradients[-1]


def rows_per_block(num_candidates: int, num_bytes: int | None = None) -> int:
    """Rows whose float32 similarities fit `num_bytes` (`None` for `BLOCK_BYTES`), at least 1; an objective holds about ten matrices of
    that size at once.
    """
    return max(1, (num_bytes or BLOCK_BYTES) // (4 * num_candidates))
