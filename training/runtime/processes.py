"""Several processes that train one encoder (`accelerate launch`): the first one writes, all take every step together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import broadcast, broadcast_object_list

from samekind.core.errors import InputError
from samekind.training.config.train_config import TrainConfig

T = TypeVar("T")


def accelerator_on(device: torch.device) -> Accelerator:
    """An accelerator on this device; accelerate keeps one state per process, which must be reset when the device changes."""
    if PartialState._shared_state and PartialState().device.type != device.type:
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=device.type == "cpu")


def is_first_process() -> bool:
    """True in the process that writes, and where there is only one."""
    return not PartialState._shared_state or bool(PartialState().is_main_process)


def check_shareable(config: TrainConfig, processes: int) -> None:
    """Refuses settings that several processes cannot share.

    Raises:
        InputError: the step's images cannot be shared out evenly, or the detector learns from every batch by itself.
    """
    if processes == 1:
        return
    if config.images_a_step % processes or config.images_a_step < 2 * processes:
        raise InputError(
            f"{config.images_a_step} images a step cannot be shared by {processes} processes",
            hint=f"take a --batch-size (or --effective-batch) that is a multiple of {processes}, at least {2 * processes}",
        )
    if config.objective == "cpc":
        raise InputError("cpc trains in one process only", hint="start it without accelerate launch")
    if config.treatment != "none" and config.detector == "quantile":
        raise InputError(
            "the detector quantile learns in one process only",
            hint="take another detector, or start without accelerate launch",
        )


def agreed(accelerator: Accelerator, answer: T) -> T:
    """The first process' answer, in all processes: what each of them reads from disk by itself may have changed in between."""
    if accelerator.num_processes == 1:
        return answer
    answers = [answer]
    broadcast_object_list(answers)
    return answers[0]


def from_first(accelerator: Accelerator, tensors: Iterable[torch.Tensor]) -> None:
    """Gives these tensors the first process' values, in place."""
    if accelerator.num_processes > 1:
        for tensor in tensors:
            tensor.copy_(broadcast(tensor))


def any_of(accelerator: Accelerator, answer: bool) -> bool:
    """True, in all processes at the same step, if one of them says so."""
    if accelerator.num_processes == 1:
        return answer
    votes: torch.Tensor = accelerator.reduce(torch.tensor(float(answer), device=accelerator.device), reduction="sum")
    return bool(votes > 0)
