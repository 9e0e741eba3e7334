"""How many streams a run's batches are computed in."""

from __future__ import annotations

import torch
from accelerate import Accelerator
from torch import nn

from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.streams.network import draws_random_numbers

MOST_OWN = 8
"""More threads than that share out every layer, as torch has it: two streams are what has been measured, and Python runs in one of them."""
FEWEST_IMAGES = 16  # of a stream


def choose_streams(config: TrainConfig, network: nn.Module, accelerator: Accelerator) -> int:
    """As many as torch would use threads, or as many as asked for; 1 where streams are of no use or would change more than last bits.

    Args:
        config: the run's settings.
        network: that is trained.
        accelerator: of this process.
    """
    if _shares(accelerator) or config.objective == "cpc" or config.adapts or config.compiler != "none":
        return 1
    if draws_random_numbers(network):
        return 1
    threads = torch.get_num_threads()
    asked = config.streams or (threads if threads <= MOST_OWN else 1)
    return max(1, min(asked, config.batch_size // FEWEST_IMAGES))


def kept_streams(streams: int | None, accelerator: Accelerator) -> int:
    """How many streams a run that is resumed goes on in: those that it had, 1 where it goes on in several processes or on a GPU.

    Args:
        streams: that its checkpoint names; `None` in runs of older releases, which knew none.
        accelerator: of this process.
    """
    return 1 if streams is None or _shares(accelerator) else streams


def _shares(accelerator: Accelerator) -> bool:
    return bool(accelerator.num_processes > 1 or accelerator.device.type != "cpu")
