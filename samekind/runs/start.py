"""Starting, stopping and resuming a training in a process of its own, which outlives the one that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from samekind.core.cache_home import cache_home
from samekind.core.errors import ArtefactError, InputError
from samekind.runs.launch import LAUNCH, LOG, PROGRESS, RECORD, STOP, Launch, read_launch
from samekind.runs.request import TrainingRequest, trainable_corpus
from samekind.training.runtime.artefact import write_atomically, write_json
from samekind.training.runtime.lock import is_held

BUSY = "training.lock"
"""Held in the cache by whoever trains: one at a time on this machine, for two would take more than twice as long each."""
WHERE = "training.txt"
START_SECONDS = 30.0


def start(request: TrainingRequest) -> Launch:
    """Starts a training, and an index and an evaluation of it once it has ended well.

    Returns:
        The launch, whose process lives or has ended already: `read_launch` says what becomes of it.

    Raises:
        InputError: the request, or another training is under way on this machine.
        CorpusError: the images are unknown or gone.
        ArtefactError: the folder cannot be written, or the process cannot be started.
    """
    request.check()
    _refuse_if_busy()
    corpus, folder = trainable_corpus(request.artefact), request.folder
    try:
        folder.mkdir()  # whoever comes second with the same name is refused here
        (folder / LAUNCH).mkdir()
    except FileExistsError as error:
        raise InputError(f"there is something named {request.name} already", hint="choose another name") from error
    except OSError as error:
        raise ArtefactError(f"cannot write to {folder}: {error.strerror}", hint="mend the permissions") from error
    return _spawn(Launch(folder, tuple(corpus), tuple(request.training)))


def resume(folder: str | Path) -> Launch:
    """Continues a training that was stopped, broken off or failed, by the same command: from its last checkpoint, or from the start.

    Raises:
        InputError: it was not started by `start`, it has ended well, or it or another one is under way.
        ArtefactError: the process cannot be started.
    """
    launch = _launch_of(Path(folder))
    if launch.ended == "done":
        raise InputError(f"{launch.folder.name} has ended well", hint="start another one")
    _refuse_if_busy()
    return _spawn(launch)


def stop(folder: str | Path) -> None:
    """Asks a training to end as Ctrl-C does: after the step in hand, with a checkpoint. It takes a moment; `read_launch` says when.

    Raises:
        InputError: it was not started by `start`.
        ArtefactError: the folder cannot be written.
    """
    launch = _launch_of(Path(folder))
    if launch.is_alive:
        write_atomically(launch.folder / LAUNCH / STOP, b"")


def busy_with() -> Path | None:
    """The run that `start` has under way on this machine; `None` if there is none."""
    if not is_held(cache_home(), BUSY):
        return None
    try:
        return Path((cache_home() / WHERE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Path()


def _refuse_if_busy() -> None:
    other = busy_with()
    if other is not None:
        raise InputError(f"this machine is busy with the training {other.name}", hint="wait for it, or stop it")


def _launch_of(folder: Path) -> Launch:
    launch = read_launch(folder.resolve())
    if launch is None:
        raise InputError(f"{folder.name} was not started by the demo", hint="its own command continues it")
    return launch


def _spawn(launch: Launch) -> Launch:
    """Starts the process and waits until it has begun, so that nobody takes it for one that was killed."""
    place = launch.folder / LAUNCH
    for name in (STOP, PROGRESS):
        (place / name).unlink(missing_ok=True)
    begun = replace(launch, started=time.time(), phase="begin", ended="", message="")
    write_json(place / RECORD, begun.to_json())
    try:
        with (place / LOG).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, and a module of ours
                [sys.executable, "-P", "-m", "samekind.runs.worker", str(launch.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
                **_on_its_own(),
            )
    except OSError as error:
        raise ArtefactError(f"the training cannot be started: {error.strerror}") from error
    threading.Thread(target=process.wait, daemon=True).start()  # or it would stay as a zombie
    give_up = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up and process.poll() is None and not _has_begun(launch.folder):
        time.sleep(0.05)
    return read_launch(launch.folder) or begun


def _has_begun(folder: Path) -> bool:
    """True once the process holds its locks, and has said so."""
    launch = read_launch(folder)
    return launch is not None and (launch.phase != "begin" or bool(launch.ended))


def _on_its_own() -> dict[str, Any]:
    """Apart from our terminal and our group of processes: neither Ctrl-C nor a closed window reaches it."""
    if os.name == "nt":
        return {"creationflags": 0x00000008 | 0x00000200}  # DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
    return {"start_new_session": True}
