"""Device and number format of a run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from samekind.core.errors import InputError


def choose_device(name: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `mps`.

    Raises:
        InputError: the named device is unavailable.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available.get(name, False):
        raise InputError(f"device {name!r} is not available here", hint="use --device auto or --device cpu")
    return torch.device(name)


def use_bfloat16(precision: str, device: torch.device) -> bool:
    """True if the network is to run under bfloat16 autocast.

    `auto` chooses it where it pays: on CUDA devices that support it, on CPUs with matrix tiles (AMX), and on AMD's with AVX512-BF16 (Zen 4
    and later), where a step took 0.55 of its time in float32. Intel's with AVX512-BF16 and without tiles were slower by it
    (docs/negative-results.md has both).
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and _cpu_multiplies_bfloat16_faster()


def _cpu_multiplies_bfloat16_faster() -> bool:
    tiles = getattr(torch.cpu, "_is_amx_tile_supported", None)
    can: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # older releases of torch report nothing else
    amd = str(can.get("cpu_name", "")).startswith("AMD")
    return bool((tiles and tiles()) or (amd and can.get("avx512_bf16")))


def autocast(device: torch.device, bfloat16: bool) -> AbstractContextManager[object]:
    """Autocast for the network's forward pass, or nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if bfloat16 else nullcontext()
