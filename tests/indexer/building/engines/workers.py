"""An encoder that tells which workers looked at images, and that kills some of them: in a module that Ray's workers can import, too."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.images import Pixels
from samekind.indexer.storage.layout import INDEX_FILE, ROWS_FILE
from tests.indexer.helpers import FakeEncoder

PICTURES = {f"cat__{i}": i for i in range(20)}
"""For `write_pictures`."""


def derived(folder: Path) -> tuple[bytes, bytes]:
    """What rows and vectors come to, byte by byte."""
    return (folder / ROWS_FILE).read_bytes(), (folder / INDEX_FILE).read_bytes()


class DeadlyEncoder(FakeEncoder):
    """Kills the process at the given calls.

    Args:
        notes: folder that gets an empty file a call: `NUMBER-PROCESS`.
        deadly: numbers of the calls, of all workers together, that end their process.
        seconds: that each call takes.
    """

    def __init__(self, notes: Path, deadly: tuple[int, ...], seconds: float) -> None:
        super().__init__()
        self.notes, self.deadly, self.seconds = notes, deadly, seconds

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """As the fake one does, if it lives to."""
        number = 0
        while True:  # the first free number, whoever else is looking for one
            number += 1
            try:
                (self.notes / f"{number:03d}").touch(exist_ok=False)
                break
            except FileExistsError:
                continue
        (self.notes / f"{number:03d}-{os.getpid()}").touch()
        time.sleep(self.seconds)
        if number in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(images)

    def processes(self) -> set[str]:
        """Processes that were called."""
        return {name.partition("-")[2] for name in os.listdir(self.notes) if "-" in name}
