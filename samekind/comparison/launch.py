"""Starts the child process of a cell, waits for its answer, and ends it cleanly.

The child stands in a session of its own, so a terminal's Ctrl-C reaches this process only; it then closes the child's stdin, which the
child takes as the request to save and stop. A parent that is killed closes it as well, so no child is left behind.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import samekind
from data.errors import SamekindError

WORKER = "samekind.comparison.worker"
SECONDS_TO_STOP = 60.0
_KILLED = -9


class CellError(SamekindError):
    """One cell that could not be computed; the others can."""


def run_child(task: dict[str, Any]) -> dict[str, Any]:
    """What the worker answers to a task.

    Raises:
        CellError: it failed.
        KeyboardInterrupt: Ctrl-C, after the child has saved its state.
    """
    command = [sys.executable, "-P", "-m", WORKER]  # -P: a folder `data/` where the user stands must hide nothing
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment(), start_new_session=True
    ) as child:
        try:
            said = _converse(child, task)
        except BaseException:
            _stop(child)
            raise
    return _answer(said, child.returncode)


def _converse(child: subprocess.Popen[str], task: dict[str, Any]) -> str:
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdin.write(json.dumps(task) + "\n")
        child.stdin.flush()  # and left open: its end is the signal to stop
    except BrokenPipeError:
        pass  # it died before it listened; its exit code says so
    said = child.stdout.read()
    child.wait()
    return said


def _stop(child: subprocess.Popen[str]) -> None:
    """Lets the child save; a second Ctrl-C, or a minute without an end, kills it."""
    try:
        if child.stdin is not None:
            child.stdin.close()
        child.wait(SECONDS_TO_STOP)
    except (subprocess.TimeoutExpired, KeyboardInterrupt, OSError):
        child.kill()


def _answer(said: str, code: int) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = json.loads(said)
    except ValueError:
        reason = "it was killed, perhaps for want of memory" if code == _KILLED else f"it ended with code {code}"
        raise CellError(f"the process gave no answer: {reason}") from None
    if "error" in answer:
        raise CellError(answer["error"], hint=answer.get("hint", ""))
    return answer


def _environment() -> dict[str, str]:
    """Ours, with this very samekind first on the path, installed or not."""
    root = str(Path(samekind.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
