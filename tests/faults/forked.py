"""Work in forks of one warm process: torch, FAISS and LanceDB are imported once, and a kill falls into the work, not into the imports."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

PATIENCE = 120.0
"""Seconds after which a run counts as hung."""
_NEEDED = (
    "albumentations",
    "lancedb",
    "open_clip",
    "pandas",
    "sklearn.datasets",
    "sklearn.linear_model",
    "timm",
    "torch.utils.tensorboard",
    "samekind.api",
    "samekind.indexer.index",
    "samekind.training.run.train",
)
_GRACE = 5.0  # seconds for the workers of a killed process to notice


@dataclass(frozen=True)
class Ended:
    """How a fork ended.

    Attributes:
        signal: that killed it; 0 if none did.
        code: its exit code.
        seconds: from the beginning of the work, without the start of the process, to its end; `None` if the work did not come to its end.
        answer: what the work returned; `None` if it did not come to that.
        orphans: processes that it had started and that were still there some seconds later.
        log: what it wrote to stdout and stderr.
    """

    signal: int
    code: int
    seconds: float | None
    answer: Any
    orphans: int
    log: str

    @property
    def ok(self) -> bool:
        """True if the process came to its end by itself, without an error."""
        return not (self.signal or self.code)

    @property
    def met(self) -> bool:
        """True if the kill came after the beginning of the work and before its end."""
        return self.signal == signal.SIGKILL and self.seconds is None


def import_everything() -> None:
    """Imports what the work needs, and starts no thread that works."""
    for name in _NEEDED:
        importlib.import_module(name)
    torch.set_num_threads(1)  # a pool of threads does not survive a fork
    warnings.filterwarnings("ignore", message="lancedb fork support", category=RuntimeWarning)


def run(work: Callable[[], Any], scratch: Path, kill_after: float | None = None) -> Ended:
    """Runs work in a fork, which is the head of a session of its own.

    Args:
        work: gives something that JSON can hold.
        scratch: an empty folder for its log and its answer.
        kill_after: seconds from the beginning of the work until it gets SIGKILL, it alone; it is left to end if left out.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    log, answer, took = scratch / "log", scratch / "answer.json", scratch / "seconds"
    answer.unlink(missing_ok=True)
    took.unlink(missing_ok=True)
    begun, tell = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(begun)
        _be_the_child(work, log, answer, took, tell)
    os.close(tell)
    os.read(begun, 1)  # comes when the work begins, or ends empty if the child has died
    os.close(begun)
    give_up = time.monotonic() + (PATIENCE if kill_after is None else kill_after)
    status = _wait_until(pid, give_up)
    if status is None:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    orphans = _orphans(pid)
    for orphan in orphans:
        os.kill(orphan, signal.SIGKILL)
    return Ended(
        signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        seconds=float(took.read_text() or "nan") if took.is_file() else None,
        answer=json.loads(answer.read_text()) if answer.is_file() else None,
        orphans=len(orphans),
        log=log.read_text(errors="replace"),
    )


def _be_the_child(work: Callable[[], Any], log: Path, answer: Path, took: Path, tell: int) -> None:
    code = 1
    try:
        os.setsid()
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        os.write(tell, b".")
        os.close(tell)
        started = time.monotonic()
        returned = work()
        took.write_text(str(time.monotonic() - started))
        value = json.dumps(returned)
        if value != "null":
            answer.write_text(value)
        code = 0
    except BaseException:  # noqa: BLE001 - a fork must not go on with its parent's work
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait_until(pid: int, moment: float) -> int | None:
    """The status of a child that ends by itself; `None` if the moment comes first."""
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return status
        rest = moment - time.monotonic()
        if rest <= 0:
            return None
        time.sleep(min(rest, 0.002))


def _orphans(session: int) -> list[int]:
    """Processes of a session whose head has gone; they get some seconds to go by themselves."""
    give_up = time.monotonic() + _GRACE
    while (found := _members(session)) and time.monotonic() < give_up:
        time.sleep(0.01)
    return found


def _members(session: int) -> list[int]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                state, _, _, of = Path(entry.path, "stat").read_text().rpartition(")")[2].split()[:4]
            except OSError:
                continue  # gone meanwhile
            if int(of) == session and state != "Z":
                found.append(int(entry.name))
    return found
