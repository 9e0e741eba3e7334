"""`samekind demo` in a process of its own, and the memory that it holds."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A server that answers.

    Attributes:
        address: of its pages.
        pid: of `samekind demo`, whose child it is.
        started: `time.perf_counter` when it was asked for.
    """

    address: str
    pid: int
    started: float


@contextmanager
def serving(artefact: Path, port: int) -> Iterator[Server]:
    """Runs the demo until the block ends."""
    command = [sys.executable, "-P", "-m", "samekind", "demo", str(artefact), "--port", str(port), "--json"]
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Server(json.loads(process.stdout.readline())["url"].rstrip("/"), process.pid, started)
        finally:
            process.terminate()
            process.wait(timeout=30)


def memory(pid: int) -> dict[str, float]:
    """Megabytes that a process and its children hold now: `rss`, and `pss`, where pages that several hold are shared out.

    Linux only.
    """
    total = {"rss": 0.0, "pss": 0.0}
    waiting = [pid]
    while waiting:
        process = Path(f"/proc/{waiting.pop()}")
        try:
            held = in_rollup((process / "smaps_rollup").read_text())
            waiting += [int(child) for file in process.glob("task/*/children") for child in file.read_text().split()]
        except OSError:
            continue  # it has ended meanwhile
        total = {name: total[name] + held[name] for name in total}
    return total


def in_rollup(text: str) -> dict[str, float]:
    """Megabytes by name from the text of `/proc/PID/smaps_rollup`."""
    found = {line.partition(":")[0].lower(): line.split()[1] for line in text.splitlines() if line.endswith("kB")}
    return {name: int(found[name]) * 1024 / 1e6 for name in ("rss", "pss")}
