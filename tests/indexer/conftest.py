"""A small index that read-only tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from samekind.indexer.index import Index, build_index
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder


@pytest.fixture
def artefact(tmp_path: Path) -> Path:
    """A folder with an encoder and no index."""
    save_encoder(FakeEncoder(), tmp_path / "artefact")
    return tmp_path / "artefact"


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """60 labelled images; not to be changed."""
    folder = tmp_path_factory.mktemp("index")
    save_encoder(FakeEncoder(), folder)
    return build_index(arrays_corpus(), FakeEncoder(), folder)
