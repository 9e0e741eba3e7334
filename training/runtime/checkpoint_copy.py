"""A copy of the checkpoint at another place, an object store for example: whoever continues on another machine has it from there.

The folder of the artefact stays what a run reads and writes; the copy follows it from a thread of its own, so that training neither waits
for an upload nor ends by one that fails.
"""

from __future__ import annotations

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.core.files import atomic_path
from samekind.core.progress import Progress
from samekind.training.runtime.checkpoint import CHECKPOINT, step_of

WAITS = (1.0, 5.0, 20.0)
"""Seconds before an upload that failed is tried again; after the last it is told, and the next checkpoint is the next try."""


class CheckpointCopy:
    """Keeps the checkpoint at `url/state.safetensors` the newest one of the folder.

    Args:
        url: a folder as fsspec names it: `s3://bucket/run`, `gs://…`, `file:///…`, `memory://…`.
        folder: of the artefact.
        progress: is told what fails.

    Raises:
        InputError: nobody knows this kind of address.
        MissingDependencyError: the package that does is not installed.
    """

    def __init__(self, url: str, folder: Path, progress: Progress) -> None:
        import fsspec

        self._url, self._local, self._progress = url, folder / CHECKPOINT, progress
        try:
            self._files, place = fsspec.core.url_to_fs(url)
        except ImportError as error:
            raise MissingDependencyError(f"{url} cannot be reached: {error}", hint="install what it names") from error
        except ValueError as error:
            hint = "name a folder of an object store, e.g. s3://bucket/run"
            raise InputError(f"checkpoint_to is {url!r}: {error}", hint=hint) from error
        self._place = f"{place.rstrip('/')}/{CHECKPOINT.name}"
        self._asked: SimpleQueue[bool] = SimpleQueue()  # true for a new checkpoint, false for the end
        self._thread: threading.Thread | None = None

    def fetch(self, run: str) -> None:
        """Takes the copy into the folder if it is of this run and further than what lies there.

        Args:
            run: digest of the run.

        Raises:
            ArtefactError: it is there and cannot be read, or is another run's.
        """
        try:
            if not self._files.exists(self._place):
                return
            self._local.parent.mkdir(parents=True, exist_ok=True)
            with atomic_path(self._local) as fetched:
                with self._files.open(self._place, "rb") as source, fetched.open("wb") as target:
                    shutil.copyfileobj(source, target)
                step = step_of(fetched, run)
                if step is None:
                    hint = "give this run an address of its own, or --force to replace what is there"
                    raise ArtefactError(f"{self._url} holds the checkpoint of another run, or a damaged one", hint=hint)
                if step <= (step_of(self._local, run) or 0):
                    raise _NotWantedError
        except _NotWantedError:
            return
        except ArtefactError:
            raise
        except Exception as error:
            hint = "check the address and what may be read there, or leave out --checkpoint-to"
            raise ArtefactError(f"the checkpoint at {self._url} cannot be read: {_short(error)}", hint=hint) from error
        self._progress.print(f"checkpoint of step {step} taken from {self._url}")

    def follow(self) -> None:
        """The folder's checkpoint is a new one: it is copied, in the background."""
        self._asked.put(True)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="checkpoint-copy", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Waits until the last checkpoint has arrived, or was given up."""
        if self._thread is not None:
            self._asked.put(False)
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while True:
            asked = {self._asked.get()}
            while not self._asked.empty():  # of several new ones the newest is enough
                asked.add(self._asked.get())
            if True in asked:
                self._try()
            if False in asked:
                return

    def _try(self) -> None:
        for wait in (*WAITS, None):
            try:
                self._upload()
            except Exception as error:  # noqa: BLE001 - whatever a store says, training goes on
                if wait is None:
                    self._progress.print(
                        f"the checkpoint was not copied to {self._url}, after {len(WAITS) + 1} tries: {_short(error)}; it lies in "
                        "the folder, training continues, and the next one is tried again"
                    )
                    return
                time.sleep(wait)
            else:
                return

    def _upload(self) -> None:
        """Whole or not at all: what is written becomes visible when the transaction ends."""
        with suppress(OSError, NotImplementedError):  # a store without folders
            self._files.makedirs(self._files._parent(self._place), exist_ok=True)
        with (
            self._local.open("rb") as source,  # a newer one takes the name, not this open file
            self._files.transaction,
            self._files.open(self._place, "wb") as target,
        ):
            shutil.copyfileobj(source, target)


class _NotWantedError(Exception):
    pass


def _short(error: Any) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
