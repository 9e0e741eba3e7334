"""The original picture of a neighbour, in a dialog."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

import samekind as sk
from samekind.app.view_models.search import facts
from samekind.app.widgets import picker
from tests.app.conftest import OpenApp
from tests.app.pages import healthy, library, linked, press
from tests.indexer.helpers import FakeEncoder, save_encoder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of three files, one of them of a hostile name."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "photos").mkdir()
    for seed, name in enumerate(("a.png", "b.png", "*c*`<i>.png")):
        pixels = np.random.default_rng(seed).integers(0, 256, (200, 300, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / name)
    save_encoder(FakeEncoder(), folder / "artefact")
    sk.build_index(sk.load_corpus(folder / "photos"), FakeEncoder(), folder / "artefact")
    return folder / "artefact"


def opened(at: AppTest, path: Path, id_: str) -> AppTest:
    """After the button of a card."""
    return press(at, lambda: picker.act(library(path), "open", id_))


def test_the_dialog_has_picture_facts_and_file(open_search: OpenApp, photos: Path) -> None:
    """Path, pixels and size of the file are told, its bytes are there to download; the next run of the page closes it."""
    index = sk.Index.open(photos)
    at = linked(open_search(photos), "a.png")
    text = opened(at, photos, "*c*`<i>.png").code[-1].value
    row = index.row("*c*`<i>.png")
    size = Path(row["uri"]).stat().st_size
    assert text.splitlines() == [
        "id      *c*`<i>.png",
        f"split   {row['split']}",
        "pixels  300 × 200",
        f"path    {row['uri']}",
        f"file    {size / 1000:.0f} kB",
    ]
    assert [button.label for button in at.download_button] == ["Download the file"]
    assert not healthy(at.run()).download_button


def test_without_a_file_the_dialog_says_so(open_search: OpenApp, artefact: Path) -> None:
    """An image that never was a file has nothing to download."""
    id_ = sk.Index.open(artefact).ids[7]
    at = opened(linked(open_search(artefact), id_), artefact, id_)
    assert facts.NO_FILE in at.code[-1].value
    assert not healthy(at).download_button


@pytest.mark.parametrize(("size", "words"), [(999, "999 bytes"), (12_400, "12 kB"), (3_210_000, "3.2 MB")])
def test_sizes_are_told_as_people_say_them(size: int, words: str) -> None:
    """Bytes, kB, MB; a name with a line break stays in its line."""
    row = {"id": "x\ny", "label": "Bag", "split": "train", "width": 3000, "height": 20, "uri": "/p"}
    lines = facts.of(row, size).splitlines()
    assert lines[-1].endswith(words)
    assert len(lines) == 6
    assert lines[3] == "pixels  3,000 × 20"
