"""A small index that every test may change."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.app.labeling import build


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that every test copies."""
    return build(tmp_path_factory.mktemp("label_pairs") / "digits")


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """An artefact of its own: answers change it."""
    return shutil.copytree(built, tmp_path / "artefact")
