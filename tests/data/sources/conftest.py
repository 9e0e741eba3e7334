"""A folder that stands for an object store, and what is fetched from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from samekind.core.cache_home import VARIABLE
from samekind.data.sources import mirror
from tests.data.sources.stores import wrapped
from tests.end_to_end.helpers import draw_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of this test alone."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder that stands for the store: classes of three images."""
    return draw_folder(tmp_path / "store" / "two words", 3)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are fetched from the store."""
    names: list[str] = []

    def opened(files: Any, path: str) -> Any:
        names.append(Path(path).name)
        return files.open_input_stream(path)

    monkeypatch.setattr(mirror, "opened_store", wrapped(opened))
    return names
