"""Crash-safe, resumable state of a run: one safetensors file, whose header carries the counters as JSON.

One file and one rename, so tensors and counters can never come from different steps. Everything that decides the next step is in it
(weights, optimiser moments, key encoder, queue, random state, half-counted epoch), so that an interrupted run continues bitwise on CPU.
"""

from __future__ import annotations

import json
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

CHECKPOINT = Path("checkpoint") / "state.safetensors"


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


def exists(folder: Path) -> bool:
    """True if `folder` holds a checkpoint."""
    return (folder / CHECKPOINT).is_file()


def save(folder: Path, modules: nn.ModuleDict, optimizer: Optimizer, counters: Counters) -> None:
    """Writes the checkpoint, replacing the previous one.

    Raises:
        ArtefactError: the folder cannot be written.
    """
    tensors = {f"module.{name}": value for name, value in modules.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors.update({f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in state.items()})
    tensors["random"] = torch.get_rng_state()
    stored = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    path = folder / CHECKPOINT
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, safetensors.torch.save(stored, {"counters": json.dumps(counters.__dict__, allow_nan=False)}))


def load(folder: Path, run: str, modules: nn.ModuleDict, optimizer: Optimizer) -> Counters:
    """Restores modules, optimiser and random state in place, and returns the counters.

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
    torch.set_rng_state(tensors["random"])
    return counters


def is_whole(folder: Path, run: str) -> bool:
    """True if the checkpoint is readable and belongs to this run."""
    try:
        with safe_open(folder / CHECKPOINT, framework="pt") as file:
            return bool(Counters(**json.loads(file.metadata()["counters"])).run == run)
    except (SafetensorError, KeyError, TypeError, ValueError, OSError):
        return False


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = prefix + "."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _optimizer_state(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, field_name = name.partition(".")
        state.setdefault(int(index), {})[field_name] = value
    return state
