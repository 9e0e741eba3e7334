"""The best picture there is: the file of an image where it still is what was indexed, and its thumbnail otherwise."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.decoding import opening
from samekind.indexer.index import Index, build_index
from tests.indexer.helpers import FakeEncoder, arrays_corpus, save_encoder

PHOTO = "photo.png"


def photo(seed: int, size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Smooth colours, so that shrinking changes little."""
    coarse = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Of a folder with a photo, another one, and an icon."""
    folder = tmp_path / "photos"
    folder.mkdir()
    photo(0).save(folder / PHOTO)
    photo(1, (300, 200)).save(folder / "second.png")
    photo(2, (48, 40)).save(folder / "icon.png")
    save_encoder(FakeEncoder(), tmp_path / "artefact")
    return build_index(Corpus.from_folder(folder), FakeEncoder(), tmp_path / "artefact")


def file_of(index: Index, id_: str) -> Path:
    """Where an image lies."""
    return Path(index.row(id_)["uri"])


def size_of(encoded: bytes) -> tuple[int, int]:
    """Width and height of an encoded image."""
    with Image.open(io.BytesIO(encoded)) as image:
        return image.size


def test_a_file_that_is_there_is_shown_larger_than_its_thumbnail(index: Index) -> None:
    """Up to the side that was asked for, never enlarged, and of the same colours."""
    assert size_of(index.thumbnail(PHOTO)) == (96, 64)
    shown = index.picture(PHOTO)
    assert size_of(shown) == (512, 341)
    assert size_of(index.picture(PHOTO, side=200)) == (200, 133)
    assert size_of(index.picture("second.png")) == (300, 200)
    with Image.open(io.BytesIO(shown)) as image:
        expected = np.asarray(photo(0).resize(image.size, Image.Resampling.BICUBIC), dtype=float)
        assert np.abs(np.asarray(image, dtype=float) - expected).mean() < 4


def test_a_file_that_has_changed_is_not_shown(index: Index) -> None:
    """Another picture under the old name is not the image that was indexed."""
    photo(7).save(file_of(index, PHOTO))
    assert index.picture(PHOTO) == index.thumbnail(PHOTO)


def test_where_there_is_no_file_the_thumbnail_is_shown(index: Index) -> None:
    """Moved away, or a folder or a pipe in its place, which nobody waits for."""
    file = file_of(index, PHOTO)
    content = file.read_bytes()
    file.unlink()
    assert index.picture(PHOTO) == index.thumbnail(PHOTO)
    file.mkdir()
    assert index.picture(PHOTO) == index.thumbnail(PHOTO)
    file.rmdir()
    os.mkfifo(file)
    assert index.picture(PHOTO) == index.thumbnail(PHOTO)
    file.unlink()
    file.write_bytes(content)
    assert size_of(index.picture(PHOTO)) == (512, 341), "it is back"


def test_a_file_that_cannot_be_decoded_any_more_is_no_error(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes are the same, but this Pillow lacks the decoder."""
    monkeypatch.setitem(opening._CLASSES, "PNG", ("no_such_plugin:Class",))
    assert index.picture(PHOTO) == index.thumbnail(PHOTO)


def test_what_the_thumbnail_holds_whole_is_not_read_again(index: Index) -> None:
    """A picture of 48 pixels keeps its exact pixels."""
    assert index.picture("icon.png") == index.thumbnail("icon.png")
    assert size_of(index.picture("icon.png")) == (48, 40)


def test_an_image_that_never_was_a_file_has_its_thumbnail(tmp_path: Path) -> None:
    """Its address is none that a path could have; an unknown id is refused as everywhere."""
    save_encoder(FakeEncoder(), tmp_path)
    index = build_index(arrays_corpus(9), FakeEncoder(), tmp_path)
    assert index.picture(index.ids[3]) == index.thumbnail(index.ids[3])
    with pytest.raises(InputError, match="holds no image"):
        index.picture("nobody")
