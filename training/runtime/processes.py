"""Several processes that train one encoder (`accelerate launch`): the first one writes, all take every step together."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import InitProcessGroupKwargs, broadcast, broadcast_object_list
from torch import Tensor, distributed

from samekind.core.errors import InputError, SamekindError
from samekind.training.config.train_config import TrainConfig
from samekind.training.runtime.lock import is_held
from samekind.training.runtime.random_state import RandomState, random_state, set_random_state

T = TypeVar("T")
PATIENCE = timedelta(days=1)
"""Time that processes wait for the first one, which alone measures and finishes. One that has ended is noticed by its connection."""
_LONG_ENOUGH_TO_BE_SEEN = 0.5  # seconds


def accelerator_on(device: torch.device) -> Accelerator:
    """An accelerator on this device; accelerate keeps one state per process, which must be reset when the device changes."""
    if PartialState._shared_state and PartialState().device.type != device.type:
        AcceleratorState._reset_state(reset_partial_state=True)
    return Accelerator(cpu=device.type == "cpu", kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)])


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
    try:
        _check_shareable(config, processes)
    except InputError as error:
        error.is_told_elsewhere = not is_first_process()
        raise


def _check_shareable(config: TrainConfig, processes: int) -> None:
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


def any_of(accelerator: Accelerator, *answers: bool) -> list[bool]:
    """Of each question: true, in all processes at the same step, if one of them says so."""
    if accelerator.num_processes == 1:
        return list(answers)
    own = torch.tensor(answers, dtype=torch.float32, device=accelerator.device)
    votes: Tensor = accelerator.reduce(own, reduction="sum")
    return [count > 0 for count in votes.tolist()]


def random_states(accelerator: Accelerator) -> list[RandomState]:
    """Where the generators of all processes stand, in all of them."""
    own = random_state(accelerator.device)
    if accelerator.num_processes == 1:
        return [own]
    cpu = _gathered(accelerator, own.cpu)
    device = [None] * len(cpu) if own.device is None else _gathered(accelerator, own.device)
    return [RandomState(*states) for states in zip(cpu, device, strict=True)]


def _gathered(accelerator: Accelerator, state: Tensor) -> list[Tensor]:
    return list(accelerator.gather(state[None].to(accelerator.device)).cpu())


def continue_randomly(accelerator: Accelerator, states: Sequence[RandomState], seeds: tuple[int, int]) -> None:
    """Puts this process' generators where they stood. A process that was not there begins numbers of its own: its dropout must not be
    the first one's. The first process of a run that begins keeps those that it has.

    Args:
        accelerator: of this process.
        states: of the processes that were there; empty at the start of a run.
        seeds: the run's seed, and the step.
    """
    process = accelerator.process_index
    if process < len(states):
        set_random_state(states[process], accelerator.device)
    elif process > 0:
        seed = np.random.SeedSequence([*seeds, process]).generate_state(1, np.uint64)
        torch.manual_seed(int(seed[0]))


@contextmanager
def lost_process_told(accelerator: Accelerator, folder: Path) -> Iterator[None]:
    """Turns what a backend says of a broken connection into one line: of the first process, and where that is the one that has ended, of
    the others.

    Args:
        accelerator: of this process.
        folder: whose lock the first process holds as long as it lives.

    Raises:
        SamekindError: another process has ended.
    """
    try:
        yield
    except RuntimeError as error:
        if accelerator.num_processes == 1 or not _is_of_a_connection(error):
            raise
        lost = SamekindError(
            f"another of the {accelerator.num_processes} processes of this training has ended",
            hint="what it or the system said has the reason (often memory); the same command continues from the last checkpoint",
        )
        if accelerator.is_main_process:
            time.sleep(_LONG_ENOUGH_TO_BE_SEEN)  # with the lock
        else:
            lost.is_told_elsewhere = is_held(folder)
        raise lost from error


def _is_of_a_connection(error: RuntimeError) -> bool:
    of_torch = getattr(distributed, "DistError", ())  # of NCCL; not in builds without torch.distributed
    return isinstance(error, of_torch) or "gloo" in str(error).lower()
