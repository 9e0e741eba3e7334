"""A training that was started in a process of its own, as its files tell: what it does, how far it is, how it ended.

They lie in the folder `launch` of the run: `launch.json` (what was asked for, and how it ended), `progress.json` (written about once a
second), `log.txt`, and two that say something by being there: `lock`, which the process holds as long as it lives, and `stop`, which asks
it to end. So neither a process number, which the system gives to another one later, nor a signal, which a server elsewhere could not
send, is needed.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from samekind.core.text import one_line
from samekind.training.runtime.lock import is_held

LAUNCH = "launch"
RECORD, PROGRESS, LOG = "launch.json", "progress.json", "log.txt"
HELD, STOP = "lock", "stop"
RUNNING, BROKEN_OFF = "running", "broken off"
ENDS = ("done", "stopped", "failed")
MOST_LOG_BYTES = 64 * 1024
_FIRST = "training on "
_CORPUS_FLAGS = (
    *("--corpus", "--data-dir", "--layout", "--labels", "--several", "--exclude"),
    *("--frames", "--max-pixels", "--depth"),
)


@dataclass(frozen=True)
class Step:
    """How far the work in hand is.

    Attributes:
        what: it is, such as `epoch 3/20`.
        done: pieces of it.
        total: pieces that it has; 0 if unknown.
        share: of the whole training that is done, in [0, 1], as the epochs count.
        losses: pairs of epoch, with its fraction, and loss, at some moments of the training so far.
    """

    what: str = ""
    done: int = 0
    total: int = 0
    share: float = 0.0
    losses: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True)
class Launch:
    """What was asked for, and what became of it.

    Attributes:
        folder: the run's.
        corpus: words of a command line: the images.
        training: further words: the settings.
        started: when it was started last, in seconds since 1970.
        phase: `train`, `index` or `evaluate`, in that order; `begin` before the first.
        ended: one of `ENDS`; empty if it has not ended, or was killed.
        message: why it failed, in one line; else empty.
        is_alive: true if its process lives.
    """

    folder: Path
    corpus: tuple[str, ...]
    training: tuple[str, ...]
    started: float = 0.0
    phase: str = "begin"
    ended: str = ""
    message: str = ""
    is_alive: bool = field(default=False, compare=False)

    @property
    def state(self) -> str:
        """`running`, or how it ended: `done`, `stopped`, `failed`, or `broken off` if nothing says how."""
        return RUNNING if self.is_alive else self.ended or BROKEN_OFF

    @property
    def commands(self) -> dict[str, list[str]]:
        """Words of `samekind` by phase. They are made here, so that no file can name a command or a folder to write to."""
        place = str(self.folder)
        return {
            "train": ["train", *self.corpus, "--out", place, *self.training],
            "index": ["index", *self.corpus, "--encoder", place, "--out", place],
        }

    def to_json(self) -> dict[str, Any]:
        """What `launch.json` holds."""
        words = {"corpus": list(self.corpus), "training": list(self.training)}
        return {**words, "started": self.started, "phase": self.phase, "ended": self.ended, "message": self.message}


def read_launch(folder: str | Path) -> Launch | None:
    """The launch of a run; `None` if it was started otherwise, or the file is damaged."""
    launch = _recorded(Path(folder))
    if launch is None or launch.ended:
        return launch
    if is_held(launch.folder / LAUNCH, HELD):
        return replace(launch, is_alive=True)
    return _recorded(launch.folder)  # again: how it ended is written just before the lock is given back


def _recorded(folder: Path) -> Launch | None:
    found = read_json(folder / LAUNCH / RECORD)
    try:
        corpus, training = (tuple(map(str, found[name])) for name in ("corpus", "training"))
        phase, ended, message = (str(found[name]) for name in ("phase", "ended", "message"))
        launch = Launch(folder, corpus, training, float(found["started"]), phase, ended, message)
    except (KeyError, TypeError, ValueError):
        return None
    is_ours = {*corpus[::2]} <= {*_CORPUS_FLAGS} and "--out" not in training and ended in ("", *ENDS)
    return launch if is_ours else None


def read_step(folder: Path) -> Step:
    """How far a run's process is; nothing done where that cannot be read."""
    found = read_json(folder / LAUNCH / PROGRESS)
    try:
        losses = tuple((float(epoch), float(loss)) for epoch, loss in found["losses"])
        return Step(str(found["what"]), int(found["done"]), int(found["total"]), float(found["share"]), losses)
    except (KeyError, TypeError, ValueError):
        return Step()


def command_text(words: Sequence[str]) -> str:
    """A command as a shell takes it."""
    return shlex.join(["samekind", *words])


def log_tail(folder: Path, lines: int = 20) -> list[str]:
    """The last lines of a run's log, each as one line."""
    try:
        with (folder / LAUNCH / LOG).open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - MOST_LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    return [one_line(line) for line in text.splitlines() if line.strip()][-lines:]


def first_line(folder: Path) -> str:
    """The line that a training begins with: images, steps, method, machine; empty before it is there."""
    return next((line for line in reversed(log_tail(folder, 10_000)) if line.startswith(_FIRST)), "")


def read_json(path: Path) -> Mapping[str, Any]:
    """The object in a JSON file; empty if there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
