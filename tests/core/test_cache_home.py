"""The cache folder where there is no home, a home that cannot be written, or a folder that is named."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from samekind.core import cache_home as module
from samekind.core.cache_home import VARIABLE, cache_home
from samekind.core.errors import ArtefactError


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test's own, and nothing told so far."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(module, "_told", set())
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "tmp"


@pytest.mark.parametrize("usual", ["~/.cache/samekind", "/dev/null/.cache/samekind", "/proc/nobody/samekind"])
def test_without_a_home_it_lies_among_the_temporary_files(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, usual: str
) -> None:
    """A home that nobody knows (the tilde stays), one that is a file, one that cannot be written: told once, with the variable's name."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: usual)
    monkeypatch.setattr(module, "_is_writable", _no_root(module._is_writable))
    with caplog.at_level(logging.WARNING):
        found = {cache_home() for _ in range(3)}
    assert len(found) == 1
    folder = found.pop()
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o077 == 0
    assert [VARIABLE in record.getMessage() and str(folder) in record.getMessage() for record in caplog.records] == [
        True
    ]


def _no_root(is_writable: object) -> object:
    """Root may write everywhere, but for /proc."""
    return lambda folder: not str(folder).startswith("/proc") and is_writable(folder)  # type: ignore[operator]


def test_a_named_folder_wins(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken as it is, without a look at the home."""
    monkeypatch.setenv(VARIABLE, str(temporary / "mine"))
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "/dev/null/x")
    assert cache_home() == temporary / "mine"


def test_somebody_elses_folder_is_not_taken(temporary: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a link or another's folder stands under that name, one line says which variable to set."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "/dev/null/x")
    (temporary / f"samekind-{os.getuid()}").symlink_to(tmp_path)
    with pytest.raises(ArtefactError, match="cannot be written") as caught:
        cache_home()
    assert VARIABLE in caught.value.hint
    monkeypatch.setattr(
        "tempfile.gettempdir", lambda: (_ for _ in ()).throw(FileNotFoundError("no usable temporary directory"))
    )
    with pytest.raises(ArtefactError):
        cache_home()
