"""Hardware and versions behind a trial: recorded with every figure, because pairs a second mean nothing without it."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

from samekind.core.cores import usable_cores


def hardware(device: str) -> dict[str, Any]:
    """Processor, cores that this process may use, threads, and the GPU if `device` is one."""
    import torch

    cuda = device == "cuda" or (device == "auto" and torch.cuda.is_available())
    return {
        "cpu": processor(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if cuda else None,
    }


def processor() -> str:
    """The processor's model where Linux tells it, otherwise its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def peak_memory_bytes() -> int | None:
    """The most memory that this process has held; processes that make views are not in it. `None` where the system does not tell.

    Linux is asked in /proc: what `getrusage` says there includes the parent's memory at the moment of the fork.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_gpu_memory_bytes() -> int | None:
    """The most GPU memory that tensors have taken; `None` without a GPU."""
    import torch

    return int(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None
