"""Gradients of a large batch in the memory of a small one (GradCache).

    1. forward, chunk by chunk, without a graph                        → projections, a leaf
    2. loss of all projections, backward into that leaf                → its gradient (`training.engine.row_blocks` does it in blocks)
    3. forward again, chunk by chunk, and backward with its gradient   → gradients of the parameters

The second forward pass costs a third more time than a plain step; memory is that of one chunk, whatever the batch. The gradient is that
of the whole batch exactly, because random numbers (dropout) are replayed. One difference to a plain step remains: BatchNorm takes its
statistics from the chunk, not from the batch, so with it a large batch is a batch of many normalisations. Its running statistics move in
the second pass alone: once a chunk, not twice.
"""

# N rows of the effective batch, D dimension of the projection

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from samekind.training.runtime.random_state import RandomState, random_state, set_random_state

Views = Tensor | Sequence[Tensor]
Project = Callable[[Tensor], Tensor]


def project_in_chunks(
    network: nn.Module, views: Views, chunk_size: int, *, project: Project | None = None
) -> tuple[Tensor, list[RandomState]]:
    """Projects all views without a graph.

    Args:
        network: maps `(n, …)` to `(n, D)`. Norms in training mode use each chunk's statistics and leave the running ones alone.
        views: `(N, …)` of any dtype and device, or several such tensors, which are treated as joined end to end but never copied whole.
        chunk_size: rows a forward pass at most, ≥ 1. Chunks are of equal size but for one row, so none is too small for its norms.
        project: a chunk of `views` to its projections; `None` calls `network`. Moving to the device, normalisation and autocast belong
            here: then no more than a chunk is ever held as floats.

    Returns:
        `(N, D)` projections, a leaf that requires a gradient, and one random state a chunk, both for `backward_in_chunks`.

    Raises:
        ValueError: no rows, or `chunk_size` below 1.

    Source:
        arXiv 2101.06983, section 3.2, steps 1 and 2.
    """
    run, device = project or network, _device(network)
    parts, states = [], []
    with torch.no_grad(), _running_statistics_frozen(network):
        for rows in _chunks(_count(views), chunk_size):
            states.append(random_state(device))
            parts.append(run(_take(views, rows)))
    return torch.cat(parts).requires_grad_(), states


def backward_in_chunks(
    network: nn.Module,
    views: Views,
    gradient_ND: Tensor,
    states: Sequence[RandomState],
    chunk_size: int,
    *,
    project: Project | None = None,
    backward: Callable[[Tensor], object] = Tensor.backward,
) -> None:
    """Adds the gradient of the parameters, given that of the projections.

    The running statistics of norms move here, once a chunk. The generators are left where they stood before the call. A network under
    `DistributedDataParallel` reduces its gradients once, with the last chunk.

    Args:
        network: as given to `project_in_chunks`, likewise `views`, `chunk_size` and `project`, with the same parameters.
        views: see there.
        gradient_ND: `(N, D)` derivative of the loss by the projections.
        states: random states that `project_in_chunks` returned.
        chunk_size: see there.
        project: see there.
        backward: takes a scalar per chunk whose derivative by the parameters is the chunk's share; `accelerator.backward` fits.

    Raises:
        ValueError: `gradient_ND` or `states` do not belong to these views in these chunks.

    Source:
        arXiv 2101.06983, section 3.2, step 3.
    """
    run, device = project or network, _device(network)
    chunks = _chunks(_count(views), chunk_size)
    if len(gradient_ND) != _count(views) or len(states) != len(chunks):
        raise ValueError(
            f"{_count(views)} rows in {len(chunks)} chunks were given a gradient of {len(gradient_ND)} rows and {len(states)} random "
            "states; pass the views and chunk_size that project_in_chunks was given"
        )
    with _generators_kept(device):
        for rows, state in zip(chunks, states, strict=True):
            set_random_state(state, device)
            with nullcontext() if rows is chunks[-1] else _unsynchronised(network):
                backward((run(_take(views, rows)) * gradient_ND[rows]).sum())


def _chunks(count: int, chunk_size: int) -> list[slice]:
    """As few slices as possible, of equal size but for one row: a remainder of a single row has no variance to normalise by."""
    if chunk_size < 1 or count < 1:
        raise ValueError(f"{count} rows in chunks of {chunk_size}: both must be at least 1")
    number = -(-count // chunk_size)
    edges = [count * i // number for i in range(number + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _count(views: Views) -> int:
    return len(views) if isinstance(views, Tensor) else sum(len(part) for part in views)


def _take(views: Views, rows: slice) -> Tensor:
    """Rows of the joined views; copies only where a chunk spans two of them."""
    if isinstance(views, Tensor):
        return views[rows]
    found, offset = [], 0
    for part in views:
        start, stop = max(rows.start - offset, 0), min(rows.stop - offset, len(part))
        if start < stop:
            found.append(part[start:stop])
        offset += len(part)
    return found[0] if len(found) == 1 else torch.cat(found)


@contextmanager
def _running_statistics_frozen(network: nn.Module) -> Iterator[None]:
    """Norms still use the statistics of their input, but do not remember them."""
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    try:
        for norm in norms:
            norm.track_running_stats = False
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def _unsynchronised(network: nn.Module) -> AbstractContextManager[None]:
    """Keeps `DistributedDataParallel` from reducing gradients that more chunks will add to."""
    if isinstance(network, nn.parallel.DistributedDataParallel):
        context: AbstractContextManager[None] = network.no_sync()
        return context
    return nullcontext()


def _device(network: nn.Module) -> torch.device:
    parameter = next(network.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


@contextmanager
def _generators_kept(device: torch.device) -> Iterator[None]:
    """Replaying numbers must not rewind the run: what is drawn next would repeat what was drawn before."""
    before = random_state(device)
    try:
        yield
    finally:
        set_random_state(before, device)
