"""State of the random generators of a process: that of the CPU, and that of the device that it trains on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomState:
    """Where the generators stand.

    Attributes:
        cpu: uint8 state of the CPU's generator.
        device: uint8 state of the device's generator; `None` where that is the CPU.
    """

    cpu: Tensor
    device: Tensor | None = None


def random_state(device: torch.device) -> RandomState:
    """Where the generators of the CPU and of this device stand."""
    if device.type == "cuda":
        return RandomState(torch.get_rng_state(), torch.cuda.get_rng_state(device))
    return RandomState(torch.get_rng_state(), torch.mps.get_rng_state() if device.type == "mps" else None)


def set_random_state(state: RandomState, device: torch.device) -> None:
    """Puts the generators where they stood; that of a device only if the state is of one of its kind."""
    torch.set_rng_state(state.cpu)
    if state.device is None:
        return
    if device.type == "cuda":
        torch.cuda.set_rng_state(state.device, device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state.device)
