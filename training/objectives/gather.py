"""Negatives from all processes: each contrasts its own anchors with everybody's candidates.

Let `L = (1/W) Σ_r L_r`, where process r of W has the mean loss L_r over its own anchors. A projection of r is a candidate in every L_q, so
process r must put `Σ_q ∂L_q/∂z_r` into its network; `DistributedDataParallel` then takes the mean over processes, which gives the
`1/W`. Hence gathering is undone by a plain sum over processes, without a division. (Gathering without a gradient, as is often done,
loses all terms but q = r.)

That mean is the mean over the union's anchors if each process has as many anchors that count, which equal batches and an objective that
leaves out no anchor ensure.
"""

# N rows a process, D dimension, W processes

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed


def gather_with_gradient(x_ND: Tensor) -> Tensor:
    """Rows of all processes, rank 0's first; the gradient finds its way back to the process that each row came from.

    All processes must call it, and, if a gradient is wanted, all must go backward through it. Integers (image numbers) may be gathered
    too. To gather two views, gather each and join them, `cat([gather(view_1), gather(view_2)])`: then the union is in the order that
    `in_batch_rows` expects, all first views and then all second views, and `own_rows` says which of them are this process' own.

    Args:
        x_ND: `(N, …)`, of the same shape and dtype in all processes.

    Returns:
        `(W·N, …)`; `x_ND` itself where no process group was started.

    Raises:
        ValueError: the processes have different numbers of rows.
    """
    if not _is_distributed():
        return x_ND
    _check_rows(x_ND)
    gathered: Tensor = _Gather.apply(x_ND)
    return gathered


def own_rows(num_images: int, device: torch.device | None = None) -> Tensor:
    """Where this process' two views are in the union of gathered first and gathered second views.

    Args:
        num_images: B, images of this process.
        device: of the result.

    Returns:
        `(2B,)` int64: rows of its first views, then of its second views.
    """
    rank, world = (distributed.get_rank(), distributed.get_world_size()) if _is_distributed() else (0, 1)
    first = torch.arange(num_images, device=device) + rank * num_images
    return torch.cat([first, first + world * num_images])


def own_first(gathered_UD: Tensor, num_rows: int) -> Tensor:
    """Gathered rows with this process' own moved to the front, the others in their order.

    Args:
        gathered_UD: `(W·N, …)`, as `gather_with_gradient` returned it.
        num_rows: N.
    """
    start = (distributed.get_rank() if _is_distributed() else 0) * num_rows
    if start == 0:
        return gathered_UD
    return torch.cat([gathered_UD[start : start + num_rows], gathered_UD[:start], gathered_UD[start + num_rows :]])


def sum_over_processes(gradient_ND: Tensor) -> Tensor:
    """The gradient of this process' rows, given each process' gradient of all gathered rows: what undoes `gather_with_gradient`.

    Args:
        gradient_ND: `(W·N, …)`, another one in each process.

    Returns:
        `(N, …)`: this process' rows of the sum.
    """
    if not _is_distributed():
        return gradient_ND
    total = gradient_ND.contiguous().clone()  # reduced in place, and autograd may still hold the original
    distributed.all_reduce(total)
    rows = len(total) // distributed.get_world_size()
    start = distributed.get_rank() * rows
    return total[start : start + rows]


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_ND: Tensor) -> Tensor:
        return _all_gather(x_ND)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return sum_over_processes(gradients[0])


def _all_gather(x_ND: Tensor) -> Tensor:
    parts = [torch.empty_like(x_ND, memory_format=torch.contiguous_format) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, x_ND.detach().contiguous())
    return torch.cat(parts)


def _check_rows(x_ND: Tensor) -> None:
    """Unequal rows would otherwise hang, or fill the union with garbage, depending on the backend."""
    rows = _all_gather(torch.tensor([len(x_ND)], device=x_ND.device)).tolist()
    if len(set(rows)) > 1:
        raise ValueError(
            f"the processes have {rows} rows to gather, expected the same number; drop the last short batch"
        )


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()
