"""Crash-safe, resumable state of a run: one safetensors file, whose header carries the counters as JSON.

One file and one rename, so tensors and counters can never come from different steps. Everything that decides the next step is in it
(weights, optimiser moments, key encoder, queue, random state of every process, half-counted epoch), so that an interrupted run continues
bitwise on CPU.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from samekind.core.errors import ArtefactError
from samekind.training.runtime.artefact import write_atomically
from samekind.training.runtime.random_state import RandomState

CHECKPOINT = Path("checkpoint") / "state.safetensors"
_RANDOM, _RANDOM_ON_DEVICE = "random", "random_on_device"


@dataclass
class Counters:
    """Progress of a run.

    Attributes:
        run: digest of the settings and the corpus that this is the state of.
        step: optimiser steps done.
        total_steps: that a budget in minutes came to; `None` where the settings say the number, or before that is decided.
        history: records of the finished epochs.
        seconds: wall time spent on training, over all sittings.
        sums: sums over the unfinished epoch by name (loss, bound, seconds, batches).
        tracker: totals of the unfinished epoch's false-negative tracker.
        probe: state of the unfinished epoch's look at what the objective meets (`training.diagnostics.probe_statistics`); empty for none.
        processes: that took the last step together.
        bfloat16: the number format that `auto` came to where the run began; a run keeps it, wherever it is resumed. `None` before it began.
        streams: likewise, parts of a batch that are computed side by side; `None` before it began and in runs of older releases.
    """

    run: str
    step: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    tracker: dict[str, float] = field(default_factory=dict)
    probe: dict[str, Any] = field(default_factory=dict)
    bfloat16: bool | None = None
    streams: int | None = None
    total_steps: int | None = None
    processes: int = 1


def exists(folder: Path) -> bool:
    """True if `folder` holds a checkpoint."""
    return (folder / CHECKPOINT).is_file()


def save(
    folder: Path, modules: nn.ModuleDict, optimizer: Optimizer, counters: Counters, random: Sequence[RandomState]
) -> None:
    """Writes the checkpoint, replacing the previous one.

    Args:
        folder: of the artefact.
        modules: whose tensors are kept.
        optimizer: whose moments are kept.
        counters: where the run stands.
        random: where the generators of each process stand.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    tensors = {f"module.{name}": value for name, value in modules.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()})
    for process, state in enumerate(random):
        tensors[f"{_RANDOM}.{process}"] = state.cpu
        if state.device is not None:
            tensors[f"{_RANDOM_ON_DEVICE}.{process}"] = state.device
    stored = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    path = folder / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, safetensors.torch.save(stored, {"counters": json.dumps(counters.__dict__, allow_nan=False)}))


def load(folder: Path, run: str, modules: nn.ModuleDict, optimizer: Optimizer) -> tuple[Counters, list[RandomState]]:
    """Restores modules and optimiser in place.

    Returns:
        The counters, and where the generators of each process stood.

    Raises:
        ArtefactError: the checkpoint is damaged or belongs to another run.
    """
    path = folder / CHECKPOINT
    try:
        with safe_open(path, framework="pt") as file:
            counters = Counters(**json.loads(file.metadata()["counters"]))
            if counters.run != run:
                raise ValueError("another run's")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        modules.load_state_dict(_under("module", tensors))
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError, OSError) as error:
        raise ArtefactError(
            f"{path} cannot be resumed", hint="it is damaged or of another run: start anew with --force"
        ) from error
    optimizer.load_state_dict({**optimizer.state_dict(), "state": _optimizer_state(_under("optimizer", tensors))})
    return counters, _random_states(tensors)


def is_whole(folder: Path, run: str) -> bool:
    """True if the checkpoint is readable and belongs to this run."""
    return step_of(folder / CHECKPOINT, run) is not None


def step_of(path: Path, run: str) -> int | None:
    """Steps done in a checkpoint; `None` if it cannot be read or is another run's."""
    try:
        with safe_open(path, framework="pt") as file:
            counters = Counters(**json.loads(file.metadata()["counters"]))
    except (SafetensorError, KeyError, TypeError, ValueError, OSError):
        return None
    return counters.step if counters.run == run else None


def _random_states(tensors: dict[str, Tensor]) -> list[RandomState]:
    if "random" in tensors:  # an older version's, of one process or of the first
        return [RandomState(tensors["random"])]
    cpu, device = _under(_RANDOM, tensors), _under(_RANDOM_ON_DEVICE, tensors)
    return [RandomState(cpu[process], device.get(process)) for process in map(str, range(len(cpu)))]


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _optimizer_state(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, field_name = name.partition(".")
        state.setdefault(int(index), {})[field_name] = value
    return state
