"""A small index with files, served in this process."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

import samekind as sk
from samekind.service.app import ServiceApp, create_app
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder

CLASSES = ("Bag", "Coat", "Shirt")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artefact of 30 pictures in class folders, and the pictures beside it; not to be changed."""
    place = tmp_path_factory.mktemp("served")
    for i, pixels in enumerate(kinds(30)):
        file = place / "photos" / CLASSES[i % 3] / f"{i:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(pixels)
        (picture.resize((200, 200)) if i == 29 else picture).save(file)  # one whose thumbnail is not all of it
    save_encoder(FakeEncoder(), place / "artefact")
    sk.build_index(sk.Corpus.from_folder(place / "photos"), FakeEncoder(), place / "artefact")
    return place / "artefact"


@pytest.fixture(scope="session")
def index(folder: Path) -> sk.Index:
    """The index of it."""
    return sk.Index.open(folder, encoder=FakeEncoder())


@pytest.fixture(scope="session")
def app(index: sk.Index) -> ServiceApp:
    """The service of it."""
    return create_app(index)


@pytest.fixture(scope="session")
def http(app: ServiceApp) -> Iterator[TestClient]:
    """Asks it."""
    with asking(app) as client:
        yield client


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> sk.Index:
    """An index of the same pictures that a test may change."""
    shutil.copytree(folder, tmp_path / "artefact")
    return sk.Index.open(tmp_path / "artefact", encoder=FakeEncoder())


def asking(app: ServiceApp) -> TestClient:
    """A client of a service in this process."""
    return TestClient(app.guarded, base_url="http://127.0.0.1")
