"""How many cores this process may use: not those of the machine, but what affinity and the control group leave of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS, _MOUNTS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_OF_LIBRARIES = ("OMP_NUM_THREADS", "LANCE_CPU_THREADS")


def usable_cores() -> int:
    """Cores that this process may use, at least 1: those it may run on, or fewer where a container has a share of their time only."""
    return max(1, math.ceil(min(_allowed(), _quota(_GROUPS, _MOUNTS))))


def limit_threads() -> None:
    """Tells libraries that are not loaded yet how many threads to start, where only the control group says so: they ask for affinity alone.

    A variable that is set already stays.
    """
    if usable_cores() < _allowed():
        for name in _OF_LIBRARIES:
            os.environ.setdefault(name, str(usable_cores()))


def _allowed() -> int:
    """Cores that the scheduler may run this process on."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on, where -X cpu_count overrides it
        return os.process_cpu_count() or 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _quota(groups: Path, mounts: Path) -> float:
    """Cores' worth of time that the control groups allow, the tightest one of all above this process; infinite without a limit.

    Args:
        groups: file of the process' control groups: a line `0::/path` of version 2, `number:controllers:/path` of version 1.
        mounts: where they are mounted.
    """
    found = [math.inf]
    for folder in _folders(groups, mounts):
        limit = _read(folder / "cpu.max") or [_first(folder / "cpu.cfs_quota_us"), _first(folder / "cpu.cfs_period_us")]
        if len(limit) == 2 and all(word.isdecimal() for word in limit) and int(limit[1]):
            found.append(int(limit[0]) / int(limit[1]))
    return min(found)


def _folders(groups: Path, mounts: Path) -> Iterator[Path]:
    """Folders of the groups that limit time, from the process' own up to the root. In a container, the path may be the one outside."""
    for line in _lines(groups):
        controllers, _, path = line.partition(":")[2].partition(":")
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = mounts / controllers if controllers else mounts
        inner = Path(path.lstrip("/"))
        yield from (mount / part for part in (inner, *inner.parents))


def _read(file: Path) -> list[str]:
    return _first(file).split()


def _first(file: Path) -> str:
    return next(iter(_lines(file)), "")


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
