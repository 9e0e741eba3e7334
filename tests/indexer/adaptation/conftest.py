"""An artefact with answers that nobody has adapted to yet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.indexer.adaptation.worlds import answered_world


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with answers, and none adapted."""
    return answered_world(tmp_path_factory.mktemp("answered") / "w").path


@pytest.fixture
def folder(answered: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(answered, tmp_path / "w"))
