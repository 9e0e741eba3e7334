"""How the command `samekind demo` speaks to the processes that it starts, and how these notice that it is gone."""

from __future__ import annotations

import os
import sys

ENDS_WITH_STDIN = "SAMEKIND_DEMO_ENDS_WITH_STDIN"
"""Variable that tells the demo's server to end where its standard input does, which the command that started it holds: even a command that
is killed leaves no server behind, and the same one finds its port free again.
"""

ALLOWS_TRAINING = "SAMEKIND_ALLOW_TRAINING"
"""Variable that lets everybody who reaches the demo start trainings (`samekind demo --allow-training`)."""


def end_with_stdin() -> None:
    """Waits for the end of standard input, which comes when the process that holds its other end is gone, and ends this one.

    At once: nothing of it is worth saving, and a thread that imports would keep an orderly end waiting.
    """
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(0)
