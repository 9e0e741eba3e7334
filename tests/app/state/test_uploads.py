"""Uploads are read once, shown as they are decoded, and searched with as any other image."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import samekind as sk
from samekind.app.state import uploads
from samekind.app.state.uploads import Upload, Uploads
from samekind.data.types.reading import Depth
from tests.app.pages import png_of


def png(pixels: np.ndarray) -> bytes:
    """Encoded pixels."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def opened(encoded: bytes) -> Image.Image:
    """An encoded picture."""
    return Image.open(io.BytesIO(encoded))


def test_an_upload_is_shown_upright_and_on_white(artefact: Path) -> None:
    """EXIF rotation is applied, transparency becomes white, and a large picture is made smaller."""
    turned, index = io.BytesIO(), sk.Index.open(artefact)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90°
    Image.new("RGB", (1200, 600), "red").save(turned, "JPEG", exif=exif)
    assert opened(Uploads().read(index, turned.getvalue(), False).picture).size == (240, 480)
    clear = png(np.zeros((4, 4, 4), dtype=np.uint8))
    assert opened(Uploads().read(index, clear, False).picture).getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("white", [1023, 4095, 60_000], ids=["10 bits", "12 bits", "16 bits"])
def test_a_deep_grey_upload_is_shown_as_it_is_decoded(artefact: Path, white: int) -> None:
    """The shown pixels are those of the one decoder, whatever the depth; a dark picture is not stretched to white."""
    encoded = png(np.linspace(white // 2, white, 64, dtype=np.uint16).reshape(8, 8))
    pixels = np.asarray(opened(Uploads().read(sk.Index.open(artefact), encoded, False).picture))
    assert np.array_equal(pixels, np.asarray(sk.decode_image(encoded)))
    assert 100 < pixels.min() < 130


def test_a_deep_grey_upload_has_the_scale_of_the_index(artefact: Path) -> None:
    """By itself it would be of 10 bits, as a row of an index of 12 bits it is darker, and as an upload, too."""
    index = sk.Index.open(artefact)
    index.reading = sk.Reading(depth=Depth(integers=(0.0, 4095.0)))
    encoded = png(np.full((8, 8), 1000, np.uint16))
    assert np.asarray(opened(Uploads().read(index, encoded, False).picture)).max() == 62


def test_what_the_encoder_sees_is_its_input(artefact: Path) -> None:
    """A large picture in colour is small and grey for an encoder of small grey pictures; inverted, light and dark are exchanged."""
    index = sk.Index.open(artefact)
    encoded = png(np.tile(np.linspace(0, 255, 90, dtype=np.uint8)[:, None, None], (1, 90, 3)))
    as_it_is, inverted = (Uploads().read(index, encoded, each) for each in (False, True))
    side = index.encoder.spec.image_size
    assert (as_it_is.seen_side, as_it_is.seen_grey) == (side, True)
    dark, light = (np.asarray(opened(each.seen)).astype(int) for each in (as_it_is, inverted))
    assert dark.shape == (side, side)
    assert np.abs(dark + light - 255).max() <= 1
    assert np.array_equal(index.seen(encoded), dark)
    assert not np.allclose(as_it_is.query.vector_D, inverted.query.vector_D)


def test_the_vector_is_that_of_a_search_and_its_own_image_is_known(artefact: Path) -> None:
    """An image of the corpus, uploaded, leaves itself out by its content."""
    index = sk.Index.open(artefact)
    encoded = png_of(artefact, index.ids[11])
    query = Uploads().read(index, encoded, False).query
    assert [hit.id for hit in index.search(query, exclude_self=True)] == [
        hit.id for hit in index.search(encoded, exclude_self=True)
    ]
    assert index.search(query)[0].id == index.ids[11]


def test_an_upload_is_read_once_and_few_are_kept(artefact: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing the page again decodes nothing; the oldest of many uploads are forgotten."""
    index, read = sk.Index.open(artefact), []
    real = uploads._read

    def counted(index: sk.Index, encoded: bytes, *how: Any) -> Upload:
        read.append(encoded)
        return real(index, encoded, *how)

    monkeypatch.setattr(uploads, "_read", counted)
    monkeypatch.setattr(uploads, "KEPT", 2)
    kept = Uploads()
    first, second, third = (png(np.full((4, 4), grey, np.uint8)) for grey in (1, 2, 3))
    for encoded in (first, first, second, first, third, first, second):
        kept.read(index, encoded, False)
    assert read == [first, second, third, second]


def test_a_broken_upload_is_not_kept(artefact: Path) -> None:
    """It fails again, in one line."""
    kept, index = Uploads(), sk.Index.open(artefact)
    for _ in range(2):
        with pytest.raises(sk.ImageError):
            kept.read(index, b"no image", False)


def test_the_first_picture_of_a_file_of_several_is_known(artefact: Path) -> None:
    """Rows of pages go by the file and the page: an upload has the contents that a search for the same bytes has."""
    pages, out = [Image.new("L", (9, 9), grey) for grey in (10, 200)], io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    index = sk.Index.open(artefact)
    assert Uploads().read(index, out.getvalue(), False).query.content == index.embedded(out.getvalue()).content
