"""Decoding and preparing single images."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from samekind.core.errors import ImageError, InputError
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image, prepare, standardise, thumbnail, to_pixels
from samekind.data.prepared import prepare_corpus
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import Preprocessing


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(height: int = 5, width: int = 7) -> Pixels:
    """An image in which every pixel differs."""
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_decodes_every_format_to_its_mode(kind: str, mode: str) -> None:
    """Each format that folders accept comes back in size and mode, and exactly where it is lossless."""
    image = Image.fromarray(gradient()).convert(mode)
    back = decode_image(encoded(image, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert back.size == (7, 5)
    assert back.mode == (mode if kind not in ("GIF", "WEBP") else "RGB") or (kind == "GIF" and back.mode == "L")
    if kind in ("PNG", "BMP", "TIFF", "WEBP"):
        assert np.array_equal(np.asarray(back.convert(mode)), np.asarray(image))


def test_transparency_becomes_white() -> None:
    """Fully transparent is white, half-transparent black is mid-grey, whatever the mode that carries the alpha."""
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0, 1, 3], rgba[0, 2, 3] = 128, 255
    assert np.asarray(decode_image(encoded(Image.fromarray(rgba))))[0, :, 0].tolist() == [255, 127, 0]
    grey = decode_image(encoded(Image.fromarray(rgba).convert("LA")))
    assert grey.mode == "L"
    assert np.asarray(grey)[0].tolist() == [255, 127, 0]


def test_a_transparent_palette_entry_becomes_white() -> None:
    """A palette image with a transparent entry loses neither its colours nor its transparency."""
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    assert np.asarray(decode_image(encoded(image)))[0].tolist() == [[10, 20, 30], [200, 100, 50]]
    assert np.asarray(decode_image(encoded(image, transparency=0)))[0].tolist() == [[255, 255, 255], [200, 100, 50]]


def test_cmyk_becomes_rgb() -> None:
    """Ink is dark: no ink is white, full black is black."""
    image = Image.fromarray(np.array([[[0, 0, 0, 0], [0, 0, 0, 255]]], np.uint8).repeat(16, 0).repeat(16, 1), "CMYK")
    pixels = to_pixels(decode_image(encoded(image, "JPEG", quality=95)))
    assert pixels.shape == (16, 32, 3)
    assert pixels[:, :14].min() > 240
    assert pixels[:, 18:].max() < 15


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 32768, 65535]], np.uint16), [0, 128, 255]),
        (np.array([[0, 2048, 4095]], np.uint16), [0, 128, 255]),
        (np.array([[0, 7, 255]], np.uint16), [0, 7, 255]),
        (np.array([[0, 100_000, 200_000]], np.int32), [0, 128, 255]),
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[-1.0, 0.0, np.nan, 1.0]], np.float32), [0, 128, 128, 255]),
        (np.array([[5, 5, 5]], np.int32), [5, 5, 5]),
    ],
)
def test_deep_greys_are_scaled_to_their_depth(values: Any, expected: list[int]) -> None:
    """16-bit, 12-bit and 8-bit content, wide integers and fractions all come out on the scale 0 to 255."""
    pixels = to_pixels(decode_image(encoded(Image.fromarray(values), "TIFF")))
    assert np.abs(pixels[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_once(orientation: int) -> None:
    """An image stored in any orientation decodes upright, and going through `standardise` again leaves it so."""
    upright = gradient()
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[
        orientation
    ]  # Pillow's transpositions: 2 = 90°, 4 = 270°
    stored = Image.fromarray(upright)
    if undo is not None:
        stored = stored.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode_image(encoded(stored, exif=exif))
    assert np.array_equal(np.asarray(image), upright)
    assert image.info == {}
    assert np.array_equal(to_pixels(standardise(image)), upright)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_damaged_exif_block_does_not_matter() -> None:
    """Rubbish where EXIF should be leaves a readable image readable."""
    jpeg = encoded(Image.new("RGB", (8, 8), "red"), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\x12\x01")
    assert decode_image(jpeg).size == (8, 8)


def test_an_animation_gives_its_first_frame() -> None:
    """Later frames of a GIF are not looked at."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    image = decode_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert np.asarray(image.convert("RGB"))[0, 0].tolist() == [255, 0, 0]


def bomb() -> bytes:
    """A PNG header that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
        + chunk(b"IEND", b"")
    )


JPEG = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)), "JPEG")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is text", "not an image"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (encoded(Image.fromarray(gradient(64, 64)))[:-100], "truncated|damaged"),
        (bomb(), "too many pixels"),
    ],
)
def test_bad_bytes_give_a_short_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    """What cannot be decoded is an `ImageError` with a human reason; with a path, the message names the file."""
    with pytest.raises(ImageError, match=reason):
        decode_image(content)
    file = tmp_path / "bad.jpg"
    file.write_bytes(content)
    with pytest.raises(ImageError, match=rf"bad\.jpg: .*({reason})"):
        decode_image(file)


def test_bad_paths(tmp_path: Path) -> None:
    """A missing file and a folder are said to be so."""
    with pytest.raises(ImageError, match="no such file"):
        decode_image(tmp_path / "nothing.png")
    with pytest.raises(ImageError, match="is a folder"):
        decode_image(str(tmp_path))
    with pytest.raises(ImageError):
        decode_image("a\0b.png")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, len(JPEG) - 1))
def test_damaged_bytes_never_raise_anything_else(noise: bytes, at: int) -> None:
    """Whatever the bytes, `decode` gives an image or an `ImageError`."""
    for content in (noise, JPEG[:at] + noise + JPEG[at + len(noise) :]):
        with contextlib.suppress(ImageError):
            assert decode_image(content).mode in ("L", "RGB")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (28, 28), (200, 100)])
def test_prepare_gives_the_asked_shape(size: tuple[int, int], channels: int) -> None:
    """Any size, single pixels included, becomes `(S, S, C)`, and a plain colour stays that colour."""
    pixels = prepare(Image.new("RGB", size, (200, 200, 200)), Preprocessing(28, channels))
    assert pixels.shape == (28, 28, channels)
    assert pixels.dtype == np.uint8
    assert (pixels == 200).all()


def test_prepare_does_not_touch_pixels_of_the_right_size() -> None:
    """No resampling happens at the native size."""
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)
    assert np.array_equal(prepare(Image.fromarray(pixels), Preprocessing(28, 3)), pixels)
    assert np.array_equal(prepare(Image.fromarray(pixels[..., 0]), Preprocessing(28, 1))[..., 0], pixels[..., 0])


def test_prepare_is_antialiased() -> None:
    """A fine chequerboard shrinks to its mean, not to one of its two colours."""
    board = ((np.indices((256, 256)).sum(0) % 2) * 255).astype(np.uint8)
    assert np.abs(prepare(Image.fromarray(board), Preprocessing(32, 1)).astype(int) - 127).max() <= 8


def test_prepare_reads_any_pillow_mode_like_decode() -> None:
    """An image opened by the user (RGBA, palette, EXIF still there) is prepared as the same file's bytes are."""
    rgba = np.random.default_rng(1).integers(0, 256, (9, 9, 4), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    for image in (Image.fromarray(rgba), Image.fromarray(rgba).convert("RGB").quantize(16)):
        content = encoded(image, exif=exif)
        with Image.open(io.BytesIO(content)) as opened:
            assert np.array_equal(
                prepare(opened, Preprocessing(16, 3)), prepare(decode_image(content), Preprocessing(16, 3))
            )


@pytest.mark.parametrize(("size", "channels"), [(0, 1), (-3, 3), (28, 2), (28, 4)])
def test_prepare_refuses_impossible_shapes(size: int, channels: int) -> None:
    """Sizes below one and other channel counts are the caller's error."""
    with pytest.raises(InputError):
        Preprocessing(size, channels)


@pytest.mark.parametrize("shape", [(12, 8, 8), (12, 8, 8, 3)])
@pytest.mark.parametrize("size", [8, 11])
@pytest.mark.parametrize("channels", [1, 3])
def test_prepare_corpus_equals_prepare(shape: tuple[int, ...], size: int, channels: int) -> None:
    """The fast path of arrays and the slow one both give what `prepare` gives image by image, in the order asked for."""
    images = np.random.default_rng(2).integers(0, 256, shape, dtype=np.uint8)
    corpus = Corpus.from_arrays(images)
    expected = np.stack([prepare(corpus.image(i), Preprocessing(size, channels)) for i in range(len(corpus))])
    assert np.array_equal(prepare_corpus(corpus, Preprocessing(size, channels)), expected)
    assert np.array_equal(prepare_corpus(corpus, Preprocessing(size, channels), indices=[5, 0, 5]), expected[[5, 0, 5]])
    assert prepare_corpus(corpus, Preprocessing(size, channels), indices=[]).shape == (0, size, size, channels)


def test_prepare_corpus_is_a_copy() -> None:
    """Writing into the result changes neither the corpus nor the next result."""
    corpus = Corpus.from_arrays(np.zeros((3, 4, 4), np.uint8))
    prepare_corpus(corpus, Preprocessing(4, 1))[:] = 9
    assert not prepare_corpus(corpus, Preprocessing(4, 1)).any()
    assert not np.asarray(corpus.image(0)).any()


def test_prepare_corpus_of_mixed_sizes(tmp_path: Path) -> None:
    """Files of different sizes are decoded in threads and keep their order."""
    for i in range(20):
        Image.new("RGB", (3 + i, 5), (i * 10, 0, 0)).save(tmp_path / f"{i:02d}.png")
    pixels = prepare_corpus(Corpus.from_folder(tmp_path), Preprocessing(6, 3))
    assert pixels[:, 0, 0, 0].tolist() == [i * 10 for i in range(20)]


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_small_thumbnails_are_lossless_and_large_ones_small(mode: str) -> None:
    """Up to 64 px the thumbnail has the very pixels; larger images shrink to 96 px with their aspect kept."""
    pixels = np.random.default_rng(3).integers(0, 256, (64, 40, 3), dtype=np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    assert np.array_equal(to_pixels(decode_image(thumbnail(image))), np.asarray(image))
    assert decode_image(thumbnail(image.resize((400, 200)))).size == (96, 48)
    assert decode_image(thumbnail(image.resize((5000, 3)))).size == (96, 1)
