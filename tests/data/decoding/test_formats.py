"""What a file is, its content decides."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image
from samekind.data.decoding import opening
from samekind.data.decoding.jxl_size import jxl_size
from samekind.data.decoding.sniff import image_kind
from tests.data.decoding.samples import HEIC, JXL, SIDE, encoded, files, halves

FILES = files()


def is_halves(image: Image.Image) -> bool:
    """True if the left is red, or dark grey, and the right is blue, or another grey."""
    pixels = np.asarray(image.convert("RGB"), dtype=int)
    left, right = pixels[:, : SIDE // 3].mean((0, 1)), pixels[:, -SIDE // 3 :].mean((0, 1))
    differs = left[0] > right[0] + 20 if image.mode == "RGB" else left[0] != right[0]
    return image.size == (SIDE, SIDE) and bool(differs)


@pytest.mark.parametrize("extension", FILES)
@pytest.mark.parametrize("name", ["x.{}", "x", "x.jpg", "x.PNG", "x.dat", "scan.0001"])
def test_a_format_is_read_under_any_name(tmp_path: Path, extension: str, name: str) -> None:
    """Right, missing, wrong and unknown extensions: the same image, in a corpus and alone."""
    file = tmp_path / name.format(extension)
    file.write_bytes(FILES[extension])
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.skipped == ()
    assert is_halves(corpus.image(0))
    assert is_halves(decode_image(file))


@pytest.mark.parametrize("extension", ["jfif", "jpe", "jif", "JPEG"])
def test_other_names_of_jpeg(tmp_path: Path, extension: str) -> None:
    """What browsers and cameras call a JPEG."""
    (tmp_path / f"x.{extension}").write_bytes(FILES["jpg"])
    assert Corpus.from_folder(tmp_path).ids == [f"x.{extension}"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
        (b"%PDF-1.7\n", "PDF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "video"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ],
)
def test_what_is_not_read_is_named(content: bytes, words: str) -> None:
    """PostScript never gets to Ghostscript; documents, archives and videos are called what they are."""
    with pytest.raises(ImageError, match=words):
        decode_image(content)


def test_postscript_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drawing that Pillow alone would hand to Ghostscript, also one that begins like another format's file."""
    from PIL import EpsImagePlugin

    def run(*_: object, **__: object) -> None:
        pytest.fail("Ghostscript was called")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", run)
    drawing = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    for content in (drawing, b"\xc5\xd0\xd3\xc6" + struct.pack("<IIIIIIH", 30, len(drawing), 0, 0, 0, 0, 0) + drawing):
        with pytest.raises(ImageError):
            decode_image(content)


@pytest.mark.parametrize(("content", "plugin", "extra"), [(HEIC, "HEIF", "heif"), (JXL, "JXL", "jxl")])
def test_a_missing_plugin_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, plugin: str, extra: str
) -> None:
    """HEIC and JPEG XL are recognised without their plugins, and the reason has the command that installs them."""
    monkeypatch.setitem(opening._CLASSES, plugin, ("no_such_plugin:Class",))
    (tmp_path / "x.jpg").write_bytes(content)
    (tmp_path / "ok.png").write_bytes(FILES["png"])
    corpus = Corpus.from_folder(tmp_path)
    assert f"pip install 'samekind[{extra}]'" in corpus.skipped[0].reason


def test_heic_is_read() -> None:
    """With its plugin, like any other photo."""
    pytest.importorskip("pi_heif")
    assert is_halves(decode_image(HEIC))


def test_jpeg_xl_is_read() -> None:
    """With its plugin, like any other photo."""
    pytest.importorskip("pillow_jxl")
    assert is_halves(decode_image(JXL))


def test_the_size_of_jpeg_xl_is_known_before_decoding() -> None:
    """Its plugin decodes on opening, so the limit on pixels needs the size from the header: bare, in boxes, and with sides in full."""
    assert jxl_size(JXL) == (SIDE, SIDE)
    boxed = b"\0\0\0\x0cJXL \r\n\x87\n" + struct.pack(">I", len(JXL) + 8) + b"jxlc" + JXL
    assert jxl_size(boxed) == (SIDE, SIDE)
    # not small; 30 bits: height - 1 = 99,999; ratio 0; 30 bits: width - 1 = 49,999
    bits = 0 | 3 << 1 | 99_999 << 3 | 0 << 33 | 3 << 36 | 49_999 << 38
    assert jxl_size(b"\xff\x0a" + bits.to_bytes(10, "little")) == (50_000, 100_000)
    with pytest.raises(ImageError, match=r"too many pixels: 50,000 × 100,000"):
        _open_jxl(b"\xff\x0a" + bits.to_bytes(10, "little") + bytes(8))


def _open_jxl(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "_opener", lambda kind: lambda *_: pytest.fail("decoded before its size was checked"))
        decode_image(content)


def camera_tiff(*tags: tuple[int, int, int], order: str = "<") -> bytes:
    """A TIFF of one directory of short numbers."""
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, count, value, 0) for tag, count, value in tags)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + bytes(4)


@pytest.mark.parametrize(
    "content",
    [
        b"FUJIFILMCCD-RAW 0201",
        b"II*\0\x10\0\0\0CR\x02\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        camera_tiff((254, 1, 1), (271, 9, 8), (330, 2, 8)),  # a maker's preview, with the picture below it
        camera_tiff((50706, 4, 1)),
        camera_tiff((262, 1, 32803), order=">"),
    ],
)
def test_raw_files_are_not_taken_for_their_preview(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera's raw file is recognised in each of its forms, also where it begins as a TIFF whose preview Pillow would read."""
    import sys

    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(ImageError, match=r"raw file, which needs: pip install 'samekind\[raw\]'"):
        decode_image(content)


def test_a_plain_tiff_is_no_raw_file() -> None:
    """A scanner writes its name into the file, too."""
    assert is_halves(decode_image(encoded(halves(), "TIFF", tiffinfo={271: "Maker", 305: "Scanner"})))


def test_only_unknown_names_are_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder full of other files costs a few bytes each: none of them is read whole."""
    for i in range(5):
        (tmp_path / f"{i}.csv").write_text("a,b\n" * 100)
    (tmp_path / "x.png").write_bytes(FILES["png"])
    read: list[str] = []
    whole = Path.read_bytes

    def noted(path: Path) -> bytes:
        read.append(path.name)
        return whole(path)

    monkeypatch.setattr(Path, "read_bytes", noted)
    corpus = Corpus.from_folder(tmp_path)
    assert read == ["x.png"]
    assert {file.reason for file in corpus.skipped} == {"not an image file (.csv)"}


def test_a_plugin_alone_decides_of_its_format() -> None:
    """A JPEG whose first bytes were changed into a PNG's is damaged, and no other plugin is tried on it."""
    with pytest.raises(ImageError, match=r"damaged|truncated"):
        decode_image(b"\x89PNG\r\n\x1a\n" + FILES["jpg"][8:])
    assert image_kind(b"P9 \n") is None
