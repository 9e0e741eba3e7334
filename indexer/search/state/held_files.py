"""Files as they were when they were opened, whatever takes their names afterwards.

A writer replaces files by renames. Whoever has one open keeps the old one: the system frees it when the last one has closed it. Only Linux
opens such a file by a path again (`/proc/self/fd`), which is what FAISS and Arrow ask for; elsewhere nothing is held.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")


class HeldFiles:
    """Some files of a folder, kept open for reading as long as this lives.

    Args:
        folder: where they lie.
        names: of the files to hold; one that is missing is not held.
    """

    def __init__(self, folder: Path, names: Iterable[str] = ()) -> None:
        self._folder = folder
        self._descriptors: dict[str, int] = {}
        self._others: HeldFiles | None = None
        if _DESCRIPTORS.is_dir():
            for name in names:
                with suppress(OSError):
                    self._descriptors[name] = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, _close, list(self._descriptors.values()))

    def __contains__(self, name: str) -> bool:
        return name in self._descriptors

    def path(self, name: str) -> Path:
        """Where a file can be read: the held one, or else the one of that name now."""
        return _DESCRIPTORS / str(self._descriptors[name]) if name in self._descriptors else self._folder / name

    def beside(self, name: str) -> HeldFiles:
        """These files and another one of the folder, as it is now, in place of one that came beside them before."""
        added, first = HeldFiles(self._folder, [name]), self._others or self
        added._others = first  # which keeps them open; a file between the two is freed with its last reader
        added._descriptors = {**first._descriptors, **added._descriptors}
        return added

    def in_place(self) -> bool:
        """True if every file that is held still has its name."""
        try:
            return all(
                os.path.samestat(os.fstat(descriptor), os.stat(self._folder / name))
                for name, descriptor in self._descriptors.items()
            )
        except OSError:
            return False


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
