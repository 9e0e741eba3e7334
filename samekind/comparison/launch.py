"""Starts the child processes of trials, waits for their answers, and ends them cleanly.

A child stands in a session of its own, so a terminal's Ctrl-C reaches this process only; it then closes the children's stdin, which they
take as the request to save and stop. A parent that is killed closes it as well, so no child is left behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import samekind
from samekind.comparison.machine import cores
from samekind.core.errors import SamekindError

WORKER = "samekind.comparison.worker"
SECONDS_TO_STOP = 60.0
_KILLED = -9


class TrialError(SamekindError):
    """One trial that could not be computed; the others can."""


class Children:
    """Child processes, several of which may run at once.

    Args:
        at_once: how many will; each computes with its share of the cores.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._environment = _environment(at_once)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopping = False

    def run(self, task: dict[str, Any]) -> dict[str, Any]:
        """Answer of a worker to a task; may be called from several threads.

        Raises:
            TrialError: it failed, or was stopped.
            KeyboardInterrupt: Ctrl-C, after the child has saved its state.
        """
        child = self._start()
        try:
            said = _converse(child, task)
        except BaseException:
            self.stop()
            raise
        finally:
            with self._lock:
                self._running.discard(child)
        return _answer(said, child.returncode)

    def stop(self) -> None:
        """Lets all children save, and starts no more; a second Ctrl-C, or a minute without an end, kills them."""
        with self._lock:
            self._stopping = True
            running = list(self._running)
        for child in running:
            with contextlib.suppress(OSError, ValueError):  # it has ended already
                assert child.stdin is not None
                child.stdin.close()
        try:
            for child in running:
                child.wait(SECONDS_TO_STOP)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            for child in running:
                child.kill()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-P", "-m", WORKER]  # -P: a folder `data/` where the user stands must hide nothing
        with self._lock:
            if self._stopping:
                raise TrialError("stopped before it began")
            child = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of ours
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
            self._running.add(child)
        return child


def run_child(task: dict[str, Any]) -> dict[str, Any]:
    """The answer of a single child."""
    return Children().run(task)


def _converse(child: subprocess.Popen[str], task: dict[str, Any]) -> str:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(task) + "\n")
        child.stdin.flush()  # and left open: its end is the signal to stop
    except (BrokenPipeError, ValueError):
        pass  # it died before it listened, which its exit code says, or was stopped
    with child.stdout:
        said = child.stdout.read()
    child.wait()
    with contextlib.suppress(OSError):
        child.stdin.close()
    return said


def _answer(said: str, code: int) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError:
        reason = "it was killed, perhaps for want of memory" if code == _KILLED else f"it ended with code {code}"
        raise TrialError(f"the process gave no answer: {reason}") from None
    if "error" in answer:
        raise TrialError(answer["error"], hint=answer.get("hint", ""))
    return answer


def _environment(at_once: int) -> dict[str, str]:
    """Ours, with this very samekind first on the path, installed or not, and a share of the cores."""
    root = str(Path(samekind.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    share = {"OMP_NUM_THREADS": str(max(1, cores() // at_once))} if at_once > 1 else {}
    return {"OMP_WAIT_POLICY": "PASSIVE", **share, **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
