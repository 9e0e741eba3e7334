"""Pictures of more than 8 bits: one black and white for a corpus."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image
from samekind.data.sources.registry import load_corpus
from samekind.data.types.reading import Depth, Reading, depth_of_bits, depth_text
from tests.data.decoding.samples import encoded, halves


def tiff(values: Any) -> bytes:
    """Grey values as a TIFF of their own type."""
    return encoded(Image.fromarray(np.asarray(values)), "TIFF")


def signed_tiff(values: NDArray[np.int16]) -> bytes:
    """A TIFF of signed 16-bit values, as of a CT; Pillow does not write them."""
    unsigned = io.BytesIO()
    Image.fromarray(values.view(np.uint16)).save(unsigned, "TIFF", tiffinfo={339: 2})
    return unsigned.getvalue()


def colour(kind: str, values: Any) -> bytes:
    """16-bit colours, RGB or RGBA, as a PNG or TIFF."""
    array = np.asarray(values, np.uint16)
    order = [2, 1, 0, 3][: array.shape[2]]
    done, buffer = cv2.imencode(f".{kind}", array[..., order])
    assert done
    return bytes(buffer)


def put(folder: Path, *contents: bytes) -> Corpus:
    """A corpus of these files."""
    for i, content in enumerate(contents):
        (folder / f"{i}.png").write_bytes(content)
    return Corpus.from_folder(folder)


def means(corpus: Corpus) -> list[float]:
    """Mean of each picture, red channel."""
    return [float(np.asarray(corpus.image(i).convert("RGB"))[..., 0].mean()) for i in range(len(corpus))]


PAIRS: dict[str, tuple[bytes, bytes]] = {
    "12 bits in 16": (tiff(np.array([[500, 1000]] * 2, np.uint16)), tiff(np.array([[500, 1100]] * 2, np.uint16))),
    "10 bits in 16": (tiff(np.array([[200, 255]] * 2, np.uint16)), tiff(np.array([[200, 260]] * 2, np.uint16))),
    "32 bits": (tiff(np.array([[50_000, 60_000]] * 2, np.int32)), tiff(np.array([[50_000, 90_000]] * 2, np.int32))),
    "signed": (
        signed_tiff(np.array([[-500, -1000]] * 2, np.int16)),
        signed_tiff(np.array([[-500, 1100]] * 2, np.int16)),
    ),
    "floats": (tiff(np.array([[0.5, 0.75]] * 2, np.float32)), tiff(np.array([[0.5, 1.5]] * 2, np.float32))),
    "colour PNG": (colour("png", [[[500, 0, 0], [1000, 0, 0]]] * 2), colour("png", [[[500, 0, 0], [1100, 0, 0]]] * 2)),
    "colour TIFF": (
        colour("tiff", [[[500, 0, 0], [1000, 0, 0]]] * 2),
        colour("tiff", [[[500, 0, 0], [4000, 0, 0]]] * 2),
    ),
    "colour and alpha": (
        colour("png", [[[500, 0, 0, 65535], [900, 0, 0, 65535]]] * 2),
        colour("png", [[[500, 0, 0, 65535], [1100, 0, 0, 65535]]] * 2),
    ),
}


@pytest.mark.parametrize("kind", PAIRS)
def test_two_files_of_one_camera_have_one_scale(tmp_path: Path, kind: str) -> None:
    """The same value is the same grey in both files, whatever the greatest value of each is: scaling each by its own is wrong."""
    corpus = put(tmp_path, *PAIRS[kind])
    first, second = (np.asarray(corpus.image(i).convert("RGB"))[0, 0, 0] for i in range(2))
    assert first == second
    assert corpus.reading.depth is not None


def test_the_example_of_the_report(tmp_path: Path) -> None:
    """Maxima of 1,000 and 1,100: the same pixels are no longer read as a mean of 124 in one file and 34 in the other."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 1001, (64, 64)).astype(np.uint16)
    second = first.copy()
    second[0, 0] = 1100
    corpus = put(tmp_path, tiff(first), tiff(second))
    one, other = means(corpus)
    assert abs(one - other) < 0.1
    assert "read as 12 bits (greatest value 1,100)" in corpus.notes[1]


@pytest.mark.parametrize(
    ("most", "bits"), [(255, 8), (256, 10), (1100, 12), (4095, 12), (4096, 14), (16_384, 16), (65_535, 16)]
)
def test_the_fewest_bits_that_hold_the_greatest_value(tmp_path: Path, most: int, bits: int) -> None:
    """8, 10, 12, 14 or 16 bits."""
    corpus = put(tmp_path, tiff(np.array([[0, most]] * 2, np.uint16)), tiff(np.array([[0, 1]] * 2, np.uint16)))
    assert corpus.reading.depth == Depth(integers=(0.0, 2.0**bits - 1))
    assert depth_text(corpus.reading.depth) == f"{bits} bits"


def test_a_depth_that_is_given(tmp_path: Path) -> None:
    """It overrules the values, is in `source`, and is part of what the corpus is."""
    corpus = put(tmp_path, tiff(np.array([[0, 1000]] * 2, np.uint16)))
    given = load_corpus(tmp_path, depth=16)
    assert np.asarray(given.image(0)).max() == 4
    assert given.content_hash != corpus.content_hash
    assert load_corpus(**given.source).content_hash == given.content_hash
    for depth in (0, 33):
        with pytest.raises(InputError, match="number of bits"):
            load_corpus(tmp_path, depth=depth)


def test_beyond_white_is_white(tmp_path: Path) -> None:
    """A query that is brighter than the corpus is clipped, on the corpus' scale."""
    reading = Reading(depth=depth_of_bits(12))
    assert np.asarray(decode_image(tiff(np.array([[4095, 60_000, 2048]], np.uint16)), reading)).tolist() == [
        [255, 255, 128]
    ]
    bright = decode_image(colour("png", [[[60_000, 1000, 0], [65_535, 0, 0]]]), reading)
    assert np.asarray(bright)[0, 0].tolist()[0] == 255
    assert abs(np.asarray(bright)[0, 0].tolist()[1] - 62) <= 8  # of what has all 16 bits, Pillow's eight are enough


def test_alpha_of_16_bits_is_alpha(tmp_path: Path) -> None:
    """Transparency is a share of its own 16 bits, whatever the depth of the colours; also behind grey."""
    clear = decode_image(colour("png", [[[1000, 0, 0, 0], [1000, 0, 0, 65535]]]))
    assert np.asarray(clear)[0, 0].tolist() == [255, 255, 255]
    assert np.asarray(clear)[0, 1].tolist()[1] == 0


def test_grey_and_alpha_of_16_bits(tmp_path: Path) -> None:
    """A 16-bit PNG of grey and alpha with 12-bit values is not black."""
    import struct
    import zlib

    from tests.data.decoding.samples import png_chunk

    rows = b"".join(b"\0" + struct.pack(">HHHH", 2048, 65535, 4095, 65535) for _ in range(2))
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 4, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    assert np.asarray(decode_image(content).convert("L"))[0].tolist() == [128, 255]


def test_orientation_of_deep_pictures(tmp_path: Path) -> None:
    """EXIF turns a 16-bit picture as it turns any other."""
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(Image.fromarray(np.array([[0, 1000, 4095]], np.uint16)), "PNG", exif=exif)
    assert np.asarray(decode_image(content)).ravel().tolist() == [0, 62, 255]
    assert decode_image(content).size == (1, 3)


def test_ordinary_files_decide_nothing(tmp_path: Path) -> None:
    """A corpus of 8-bit files has no depth, no note, and the hash that it always had."""
    corpus = put(tmp_path, encoded(halves(), "PNG"))
    assert (corpus.reading, corpus.notes[1:]) == (Reading(), ())
    assert corpus.reading.key == b""


def test_a_reading_survives_json() -> None:
    """What an artefact records comes back; the default is recorded as nothing."""
    for reading in (
        Reading(),
        Reading("all", 5, Depth((0.0, 4095.0), (-1.0, 2.5))),
        Reading(depth=Depth(floats=(0.0, 1.0))),
    ):
        assert Reading.from_json(reading.to_json()) == reading
    assert Reading().to_json() == {}
    with pytest.raises(InputError, match="first, all"):
        Reading("second")
    with pytest.raises(InputError, match="max_pixels"):
        Reading(max_pixels=0)


def test_16_bit_palettes(tmp_path: Path) -> None:
    """A TIFF's palette has 16 bits a colour: its colours are read."""
    image = Image.new("P", (2, 1))
    image.putpalette([250, 20, 30, 10, 100, 50])
    image.putpixel((1, 0), 1)
    assert np.asarray(decode_image(encoded(image, "TIFF"))).tolist() == [[[250, 20, 30], [10, 100, 50]]]


@pytest.mark.parametrize(
    "bits", [0x7FA00000, 0x7FC00000, 0x7F800000, 0xFF800000], ids=["signalling", "quiet", "inf", "-inf"]
)
def test_what_is_no_number_is_black(tmp_path: Path, bits: int) -> None:
    """NaN of both kinds and both infinities, without a word of NumPy's."""
    values = np.full((24, 24), 0.5, dtype=np.float32)
    values[0, :12] = np.array(bits, dtype=np.uint32).view(np.float32)
    Image.fromarray(values).save(tmp_path / "x.tif")
    pixels = np.asarray(Corpus.from_folder(tmp_path).image(0))
    assert (pixels[0, :12] == 0).all()
    assert (pixels[1:] == 128).all()
