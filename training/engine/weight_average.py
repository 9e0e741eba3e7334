"""The moving average of the weights that are trained: it is what is measured after an epoch, and what the artefact holds.

It stands in the checkpoint beside them. Its decay rises with the number of steps, so that a short run forgets where it began.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def average_of(network: nn.Module, decay: float) -> AveragedModel:
    """The average of a network's weights and floating buffers; `update_parameters(network)` takes in one step more.

    Args:
        network: whose weights after the first step are the average's first ones.
        decay: most that the average keeps of itself, in (0, 1). After n steps it keeps `min(decay, (1 + n) / (10 + n))`, which is
            TensorFlow's rule for `ExponentialMovingAverage`.
    """

    def step(average: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        count = int(network_average.n_averaged)  # `steps` is a copy of it on the network's device
        new = 1 - min(decay, (1 + count) / (10 + count))
        for mean, value in zip(average, current, strict=True):
            if value.is_floating_point():
                mean.lerp_(value, new)
            else:
                mean.copy_(value)  # a counter

    network_average = AveragedModel(network, multi_avg_fn=step, use_buffers=True)
    return network_average


def count_on_cpu(average: AveragedModel) -> None:
    """Leaves the number of steps, which decides about the next one, where nobody has to wait for it."""
    average.n_averaged = average.n_averaged.cpu()


@contextmanager
def averaged(network: nn.Module, average: AveragedModel | None) -> Iterator[None]:
    """The network with the weights of its average, for as long as this lasts; without an average it stays as it is."""
    if average is None:
        yield
        return
    own = {name: value.clone() for name, value in network.state_dict().items()}
    keep_average(network, average)
    try:
        yield
    finally:
        network.load_state_dict(own)


def keep_average(network: nn.Module, average: AveragedModel) -> None:
    """Gives the network the weights of its average for good."""
    network.load_state_dict(average.module.state_dict())
