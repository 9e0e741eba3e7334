"""A rectangle of a picture as a query, and the files that rows came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import samekind as sk
from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from tests.indexer.helpers import FakeEncoder, arrays_corpus, pictures, save_encoder

BOX = (120, 60, 300, 200)


def coarse(seed: int, size: tuple[int, int]) -> Image.Image:
    """Smooth colours."""
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Of a folder with two photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    coarse(0, (900, 600)).save(folder / "first.png")
    coarse(1, (300, 200)).save(folder / "second.png")
    save_encoder(FakeEncoder(), tmp_path / "artefact")
    return build_index(Corpus.from_folder(folder), FakeEncoder(), tmp_path / "artefact")


def test_a_crop_is_searched_with_as_its_pixels_are(index: Index) -> None:
    """A path, bytes, a picture, pixels and an id: the vector of the rectangle that Pillow cuts out of the decoded picture."""
    file = Path(index.row("first.png")["uri"])
    left, top, width, height = BOX
    image = sk.decode_image(file)
    part = image.crop((left, top, left + width, top + height))
    wanted = index.embedded(part).vector_D
    whole = index.embedded(image).vector_D
    assert float(wanted @ whole) < 0.999
    for source in (file, str(file), file.read_bytes(), image, np.asarray(image), "first.png"):
        assert np.array_equal(index.embedded(sk.Crop(source, BOX)).vector_D, wanted)
    assert np.array_equal(index.seen(sk.Crop(file, BOX)), index.seen(part))
    assert index.search(sk.Crop(file, BOX), k=2).hits == index.search(part, k=2).hits


def test_the_image_that_it_is_a_part_of_is_left_out(index: Index) -> None:
    """By its content, whichever way it was given; without the wish it is there."""
    file = Path(index.row("first.png")["uri"])
    for source in (file, "first.png"):
        assert {hit.id for hit in index.search(sk.Crop(source, BOX))} == {"first.png", "second.png"}
        assert [hit.id for hit in index.search(sk.Crop(source, BOX), exclude_self=True)] == ["second.png"]


def test_a_crop_of_a_thumbnail_is_of_the_same_part(index: Index) -> None:
    """Where the file has gone the box is still in pixels of the picture that was indexed."""
    wanted = index.embedded(sk.Crop("first.png", BOX)).vector_D
    Path(index.row("first.png")["uri"]).unlink()
    assert index.decoded("first.png").size == (96, 64)
    assert float(index.embedded(sk.Crop("first.png", BOX)).vector_D @ wanted) > 0.99
    assert index.seen(sk.Crop("first.png", (899, 599, 1, 1))).shape[:2] == (8, 8)
    with pytest.raises(InputError, match="beyond the picture of 900 × 600"):
        index.embedded(sk.Crop("first.png", (899, 599, 2, 1)))


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (0, 0, 5, 0), (-1, 0, 5, 5), (0.5, 0, 5, 5), (1, 2, 3), "0,0,5,5", None])
def test_what_is_no_rectangle_is_refused(box: Any) -> None:
    """Empty, negative, broken, incomplete."""
    with pytest.raises(InputError, match="left, top, width and height"):
        sk.Crop("x.png", box)


def test_a_rectangle_beyond_the_picture_and_no_picture_are_refused(index: Index) -> None:
    """The message has both sizes; words and vectors have no parts."""
    file = Path(index.row("second.png")["uri"])
    with pytest.raises(InputError, match=r"250,0,51,10 reaches beyond the picture of 300 × 200"):
        index.search(sk.Crop(file, (250, 0, 51, 10)))
    assert index.search(sk.Crop(file, (250, 0, 50, 200)))
    with pytest.raises(InputError, match="only a picture"):
        index.search(sk.Crop(sk.Text("shoe"), BOX))


def test_the_original_is_the_file_while_it_is_what_was_indexed(index: Index, tmp_path: Path) -> None:
    """Its bytes; none after it has changed, and none for an image that never was a file."""
    file = Path(index.row("second.png")["uri"])
    assert index.original("second.png") == file.read_bytes()
    assert np.array_equal(np.asarray(index.decoded("second.png")), np.asarray(sk.decode_image(file)))
    coarse(7, (300, 200)).save(file)
    assert index.original("second.png") is None
    assert index.decoded("second.png").size == (96, 64)
    save_encoder(FakeEncoder(), tmp_path / "arrays")
    arrays = build_index(arrays_corpus(9), FakeEncoder(), tmp_path / "arrays")
    assert arrays.original(arrays.ids[3]) is None
    assert np.array_equal(np.asarray(arrays.decoded(arrays.ids[3])), pictures(9)[3])
