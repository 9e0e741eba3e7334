"""`python -m samekind.runs.worker FOLDER`: trains, indexes and evaluates as `FOLDER/launch/launch.json` says, and writes how it ended.

It runs the commands `train` and `index` themselves, so that what a page starts is what the command line would have made, and continues
what that has begun.
"""

from __future__ import annotations

import _thread
import signal
import sys
import threading
import time
import traceback
from dataclasses import replace
from pathlib import Path

from samekind.cli import INTERRUPTED, guarded, prepare, run_command
from samekind.console import Console
from samekind.core.cache_home import cache_home
from samekind.core.errors import SamekindError
from samekind.runs.launch import HELD, LAUNCH, PROGRESS, RECORD, STOP, Launch, log_tail, read_launch
from samekind.runs.recorded_progress import RecordedProgress
from samekind.runs.start import BUSY, WHERE
from samekind.training.runtime.artefact import write_atomically, write_json
from samekind.training.runtime.lock import exclusive

WAIT_SECONDS = 5.0
"""For locks, which others take for a moment to find out whether they are held."""
SECONDS_BETWEEN_LOOKS = 0.3


def main() -> int:
    """Runs what was asked for.

    Returns:
        0 if all of it went well.
    """
    prepare()
    # Whoever starts a server in the background of a script has its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    launch = read_launch(Path(sys.argv[1]))
    if launch is None:
        sys.stderr.write("error: there is nothing to do\n")
        return 2
    with exclusive(launch.folder / LAUNCH, HELD, wait=WAIT_SECONDS):
        try:
            with exclusive(cache_home(), BUSY, wait=WAIT_SECONDS):
                write_atomically(cache_home() / WHERE, str(launch.folder).encode())
                ended, message = _work(launch)
        except SamekindError as error:
            ended, message = "failed", str(error)
        except KeyboardInterrupt:
            ended, message = "stopped", ""
        except Exception as error:  # noqa: BLE001  whoever looks at the page must learn of it
            traceback.print_exc()
            ended, message = "failed", f"{type(error).__name__}: {error}"
        at_last = read_launch(launch.folder) or launch
        write_json(launch.folder / LAUNCH / RECORD, replace(at_last, ended=ended, message=message).to_json())
    return int(ended != "done")


def _work(launch: Launch) -> tuple[str, str]:
    """How it ended, and why if it failed."""
    place = launch.folder / LAUNCH
    threading.Thread(target=_watch, args=(place / STOP,), daemon=True).start()
    progress = RecordedProgress(sys.stderr, place / PROGRESS)
    for phase, words in launch.commands.items():
        write_json(place / RECORD, replace(launch, phase=phase).to_json())
        code = _command(words, progress)
        if code == INTERRUPTED:
            return "stopped", ""
        if code:
            return "failed", _reason(launch.folder)
    write_json(place / RECORD, replace(launch, phase="evaluate").to_json())
    _evaluate(launch.folder, progress)
    return "done", ""


def _command(words: list[str], progress: RecordedProgress) -> int:
    def work(console: Console) -> None:
        console.progress = progress
        run_command(words, console)

    return guarded(work)


def _evaluate(folder: Path, progress: RecordedProgress) -> None:
    """Leaves the figures in the run; without labels, or a test split, there are none, and the run is whole all the same."""
    from samekind.api import evaluate

    try:
        evaluate(folder, progress=progress)
    except SamekindError as error:
        progress.print(f"not evaluated: {error}")


def _reason(folder: Path) -> str:
    """The error that the command wrote last."""
    sys.stderr.flush()
    lines = log_tail(folder, 50)
    found = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return found[-1] if found else (lines or ["it ended without a word"])[-1]


def _watch(stop: Path) -> None:
    """Does what Ctrl-C does as soon as the file is there."""
    while True:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        if stop.exists():
            stop.unlink(missing_ok=True)
            if hasattr(signal, "pthread_kill") and (main_thread := threading.main_thread().ident) is not None:
                signal.pthread_kill(main_thread, signal.SIGINT)  # which also ends a wait of the system's
            else:
                _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main())
