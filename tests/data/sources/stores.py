"""Object stores whose files are opened as a test wants it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samekind.data.decoding.object_store import opened_store


class _Wrapped:
    def __init__(self, files: Any, opened: Callable[[Any, str], Any]) -> None:
        self.files, self.opened = files, opened

    def get_file_info(self, what: Any) -> Any:
        """As the store has it."""
        return self.files.get_file_info(what)

    def open_input_stream(self, path: str) -> Any:
        """As the test has it."""
        return self.opened(self.files, path)


def wrapped(opened: Callable[[Any, str], Any]) -> Callable[[str], tuple[Any, str]]:
    """Stands for `opened_store`; `opened` is given the store and a path, and returns the open file."""

    def store(address: str) -> tuple[Any, str]:
        files, path = opened_store(address)
        return _Wrapped(files, opened), path

    return store
