"""Large pictures, and files that only claim to be large."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image
from samekind.data.decoding import flatten, pictures
from samekind.data.decoding.pictures import PictureFile
from samekind.data.types.reading import Reading
from tests.data.decoding.samples import claims, encoded, halves, png_chunk, with_chunks


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures above 10,000 pixels count as large."""
    monkeypatch.setattr(flatten, "LARGE", 10_000)
    monkeypatch.setattr(flatten.powers_above, "__defaults__", (10_000,))
    monkeypatch.setattr(pictures, "_HEAVY", 10_000)


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("JPEG", "RGB"),
        ("JPEG", "L"),
        ("JPEG", "CMYK"),
        ("JPEG2000", "RGB"),
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "P"),
        ("PNG", "I;16"),
        ("TIFF", "F"),
        ("WEBP", "RGB"),
    ],
)
def test_a_large_picture_is_read_reduced(kind: str, mode: str) -> None:
    """Halved until it is no longer large, by the decoder where the format can; it is the same picture, in every mode."""
    image = halves(400, 200)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 200)
    elif mode != "RGB":
        image = image.convert(mode)
    read = decode_image(encoded(image, kind))
    assert read.size == (100, 50)
    pixels = np.asarray(read.convert("L"), dtype=float)
    assert pixels[:, 5:40].mean() > pixels[:, 60:95].mean() + 20
    assert decode_image(encoded(halves(100, 100), "PNG")).size == (100, 100)


@pytest.mark.usefixtures("small_limit")
def test_a_large_picture_is_turned_too() -> None:
    """EXIF is applied to what is left of it."""
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode_image(encoded(halves(400, 200), "JPEG", exif=exif)).size == (50, 100)


@pytest.mark.parametrize("kind", ["png", "bmp", "gif", "ppm", "tif"])
def test_a_claim_of_many_pixels_is_refused_before_memory_is_taken(kind: str) -> None:
    """The line has the size, the limit and the flag; nothing is decoded."""
    with pytest.raises(
        ImageError, match=r"too many pixels: [\d,]+ × [\d,]+ is more than 250,000,000; --max-pixels N reads more"
    ):
        decode_image(claims(60_000, 60_000, kind))


def test_the_limit_is_an_argument(tmp_path: Path) -> None:
    """Lower and higher, for one image and for a folder; Pillow's own limit, a global of the process, is left alone and does not matter."""
    content = encoded(halves(), "PNG")
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match=r"48 × 48 is more than 2,303"):
        decode_image(content, Reading(max_pixels=48 * 48 - 1))
    (tmp_path / "x.png").write_bytes(content)
    corpus = Corpus.from_folder(tmp_path, max_pixels=48 * 48)
    assert corpus.source["max_pixels"] == 48 * 48
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        assert corpus.image(0).size == (48, 48)
    assert before == Image.MAX_IMAGE_PIXELS


def text_chunks() -> dict[str, bytes]:
    """Two megabytes of text in each form that PNG has, and many small ones."""
    text = b"x" * 2_000_000
    return {
        "zTXt": png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(text)),
        "iTXt": png_chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(text)),
        "tEXt": png_chunk(b"tEXt", b"Comment\0" + text),
        "many": png_chunk(b"tEXt", b"Comment\0" + text[:900_000]) * 80,
    }


@pytest.mark.parametrize("kind", ["zTXt", "iTXt", "tEXt", "many"])
@pytest.mark.parametrize("at_end", [False, True])
def test_a_png_with_much_text_is_read(kind: str, at_end: bool) -> None:
    """Text is no damage, before the pixels and behind them; Pillow's limits stay what they are."""
    limits = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    content = with_chunks(encoded(halves(), "PNG"), text_chunks()[kind], at_end=at_end)
    assert np.array_equal(np.asarray(decode_image(content)), np.asarray(halves()))
    assert limits == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_a_bomb_of_text_stays_small() -> None:
    """A chunk that would unpack to 300 MB is thrown away and not unpacked."""
    import tracemalloc

    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(300_000_000), 9))
    content = with_chunks(encoded(halves(), "PNG"), bomb)
    tracemalloc.start()
    try:
        assert decode_image(content).size == (48, 48)
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_200_megapixels() -> None:
    """What telephones take is read without a setting: as a JPEG by its decoder's reduction, as a PNG in full and then halved."""
    image = Image.new("L", (16_384, 12_288), 90)
    image.paste(200, (0, 0, 8192, 12_288))
    for kind in ("JPEG", "PNG"):
        read = decode_image(encoded(image, kind))
        assert read.size == (8192, 6144)
        assert np.asarray(read)[3000, [100, 8000]].tolist() == [200, 90]


def test_a_later_page_of_gigapixels() -> None:
    """A second page may be larger than the first: each is checked."""
    first = claims(8, 8, "tif")
    content = first[:-4] + struct.pack("<I", len(first)) + claims(60_000, 60_000, "tif")[8:]
    file = PictureFile(content, Reading(frames="all"))
    assert file.numbers() == [1, 2]
    with pytest.raises(ImageError, match="too many pixels: 60,000 × 60,000"):
        file.picture(2)
