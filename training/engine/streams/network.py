"""A network whose batch is computed in streams: parts of equal size, each on a thread of its own, forward and backward.

Threads that share out every layer wait for each other after every layer: beside one busy process a step takes several times as long, and
its last bits depend on their number. Streams meet at batch norms alone, each runs on one thread, and what they have is added in a fixed
order: a step depends on the number of streams, which a run keeps, and on nothing else (docs/decisions/0048).
"""

# N rows, D dimension of the projection

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from samekind.training.engine.streams.batch_norm import SharedBatchNorm
from samekind.training.engine.streams.meeting import Meeting

Result = TypeVar("Result")


class StreamedNetwork(nn.Module):
    """Projects a batch as `network` does, in streams.

    Args:
        network: on the CPU; draws no random numbers, and its rows meet in batch norms only. It keeps its parameters and buffers, which the
            streams read, and its gradients are theirs, added up.
        streams: how many, ≥ 2.
    """

    def __init__(self, network: nn.Module, streams: int) -> None:
        super().__init__()
        self.network = network
        # Not modules of this one, so that nobody finds weights in them.
        self._streams = (network, *(_replica(network) for _ in range(1, streams)))
        self._modules_of = [list(stream.modules()) for stream in self._streams]
        self._meeting = Meeting(streams)
        self._pool = _one_threaded_pool(streams)

    def forward(self, views: Tensor) -> Tensor:
        """`(N, …)` to `(N, D)`."""
        for original, *copies in zip(*self._modules_of, strict=True):
            for module in copies:
                module.training = original.training
        if len(views) < len(self._streams):  # a batch of a few images, where there are no more
            whole: Tensor = self.network(views)
            return whole
        if not torch.is_grad_enabled():
            return torch.cat(self.project(views, with_graph=False))
        projection: Tensor = _InStreams.apply(self, views, *_trained(self.network))
        return projection

    def project(self, views: Tensor, *, with_graph: bool) -> list[Tensor]:
        """Projections of each stream's part of the views, with a graph of its own."""
        parts = views.tensor_split(len(self._streams))
        autocast, dtype = torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")

        def work(number: int) -> Tensor:
            with (
                torch.set_grad_enabled(with_graph),
                torch.autocast("cpu", dtype, enabled=autocast),
                SharedBatchNorm(self._meeting, number),
            ):
                projection: Tensor = self._streams[number](parts[number])
            return projection

        return self._together(work)

    def gradients(self, projections: Sequence[Tensor], gradient_ND: Tensor) -> list[Tensor | None]:
        """Gradients of the parameters that are trained, given those of the streams' projections."""
        parts = gradient_ND.tensor_split(len(self._streams))

        def work(number: int) -> tuple[Tensor | None, ...]:
            return torch.autograd.grad(
                projections[number], _trained(self._streams[number]), parts[number], allow_unused=True
            )

        return [_sum(found) for found in zip(*self._together(work), strict=True)]

    def _together(self, work: Callable[[int], Result]) -> list[Result]:
        """What `work` makes of each stream's number, all at once.

        Raises:
            Exception: whatever one of them raises; the others, which would wait for it, are called off.
        """

        def careful(number: int) -> Result:
            try:
                return work(number)
            except BaseException:
                self._meeting.give_up()
                raise

        futures = [self._pool.submit(careful, number) for number in range(len(self._streams))]
        errors = [error for future in futures if (error := future.exception()) is not None]
        self._meeting.renew()
        if errors:
            raise next((e for e in errors if not isinstance(e, threading.BrokenBarrierError)), errors[0])
        return [future.result() for future in futures]


class _InStreams(torch.autograd.Function):
    """The streams as one step of the graph of whoever calls them."""

    @staticmethod
    def forward(ctx: Any, streamed: StreamedNetwork, views: Tensor, *parameters: Tensor) -> Tensor:
        ctx.streamed, ctx.projections = streamed, streamed.project(views, with_graph=True)
        return torch.cat([projection.detach() for projection in ctx.projections])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        projections, ctx.projections = ctx.projections, None
        return None, None, *ctx.streamed.gradients(projections, gradients[0])


def draws_random_numbers(network: nn.Module) -> bool:
    """True if a part of the network drops values by chance: threads would draw from one generator in any order."""
    names = ("drop_prob", "dropout")
    return any(
        getattr(module, name, 0.0)
        for module in network.modules()
        for name in (*names, *(("p",) if isinstance(module, nn.modules.dropout._DropoutNd) else ()))
        if isinstance(getattr(module, name, 0.0), float)
    )


def _replica(network: nn.Module) -> nn.Module:
    """The same network with the same parameters and buffers in memory, and gradients of its own. Norms count their batches themselves, once
    a stream: the original's count is the one that is kept.
    """
    replica = copy.deepcopy(network)
    for own, original in zip(replica.parameters(), network.parameters(), strict=True):
        own.data = original.data
    for module, of in zip(replica.modules(), network.modules(), strict=True):
        module._buffers.update({name: value for name, value in of._buffers.items() if name != "num_batches_tracked"})
    return replica


def _trained(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _sum(parts: Sequence[Tensor | None]) -> Tensor | None:
    """The sum, from the first to the last."""
    found = [part for part in parts if part is not None]
    if not found:
        return None
    total = found[0].clone()
    for part in found[1:]:
        total += part
    return total


def _one_threaded_pool(size: int) -> ThreadPoolExecutor:
    """Threads without helpers of torch's. All start here, since what they set is also the default of threads that start later."""
    before, started = torch.get_num_threads(), threading.Barrier(size)

    def start() -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread asks for that default once, at its first use: now, while it is 1
        started.wait()

    pool = ThreadPoolExecutor(size, "stream")
    for future in [pool.submit(start) for _ in range(size)]:
        future.result()
    torch.set_num_threads(before)
    return pool
