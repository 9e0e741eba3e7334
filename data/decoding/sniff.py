"""What a file is by its first bytes. Names decide nothing: an image with a wrong extension is read, and a web page called `.jpg` is named.

Only formats that Pillow, or a plugin made for one format, decodes inside the process are images here. PostScript is not: it would be handed
to Ghostscript.
"""

from __future__ import annotations

import re

HEAD = 4096
"""Bytes that decide."""

RAW = "RAW"

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\xff\x0a", "JXL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JXL"),
    (b"qoif", "QOI"),
    (b"FUJIFILMCCD-RAW", RAW),
    (b"IIU\0", RAW),
    (b"IIRO", RAW),
    (b"IIRS", RAW),
    (b"MMOR", RAW),
    (b"FOVb", RAW),
    (b"\0MRM", RAW),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"crx ": RAW,
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1"), "HEIF"),
}
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_PNM = re.compile(rb"P[1-6fF]\s")

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document, not an image"),
    (b"%!PS", "PostScript (EPS), which is not read: it would have to be run"),
    (b"\xc5\xd0\xd3\xc6", "PostScript (EPS), which is not read: it would have to be run"),
    (b"8BPS", "a Photoshop document, which is not read: save it as PNG or TIFF"),
    (b"PK\x03\x04", "an archive (ZIP), not an image"),
    (b"\x1f\x8b", "an archive (gzip), not an image"),
    (b"7z\xbc\xaf", "an archive (7z), not an image"),
    (b"Rar!", "an archive (RAR), not an image"),
    (b"\x1aE\xdf\xa3", "a video, not an image"),
    (b"bplist", "a property list, not an image: perhaps a cloud placeholder"),
    (b"\0\x05\x16\x07", "metadata of a Mac (AppleDouble), not an image"),
    (b"\x89HDF", "an HDF5 file, which is not read"),
    (b"SIMPLE  =", "a FITS file, which is not read"),
    (b"\x93NUMPY", "a NumPy array, not an image"),
    (b"PAR1", "a Parquet table, not an image"),
)
_LFS = b"version https://git-lfs.github.com/spec/"
_ANNEX = re.compile(rb"^\S*/annex/objects/\S+\s*$")
_HTML = re.compile(rb"<!doctype html|<html\b|<head\b|<body\b|<script\b", re.IGNORECASE)
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27})


def image_kind(head: bytes) -> str | None:
    """The format of an image by its first `HEAD` bytes, as Pillow calls it, `HEIF`, `JXL` or `RAW`; `None` for anything else."""
    if head[4:8] == b"ftyp":
        return _iso_kind(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:4] in (b"II*\0", b"MM\0*") and head[8:10] == b"CR":
        return RAW
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    if head[:4] == b"\0\0\1\0" and 0 < int.from_bytes(head[4:6], "little") <= 256:
        return "ICO"
    return "PPM" if _PNM.match(head) else None


def _iso_kind(head: bytes) -> str | None:
    """Of a file of boxes: by its main brand or, where that only says *image*, by the others."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    known = [_BRANDS[brand] for brand in brands if brand in _BRANDS]
    if brands[0] in (b"mif1", b"msf1") and "AVIF" in known:
        return "AVIF"
    return known[0] if known else None


def other_content(encoded: bytes) -> str:
    """What bytes are that are no image, in words for a person; empty if that is not known.

    Args:
        encoded: the whole file.
    """
    if not encoded:
        return "the file is empty (0 bytes)"
    head = encoded[:HEAD]
    if not head.strip(b"\0") and not encoded.strip(b"\0"):
        return "nothing but zeros: a copy or a download that was not completed, or a cloud placeholder"
    for signature, words in _OTHERS:
        if head.startswith(signature):
            return words
    if head[4:8] == b"ftyp" or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return "a video, not an image"
    if head[128:132] == b"DICM":
        return "a DICOM file, which is not read: export it as PNG or TIFF"
    return _text_content(head, len(encoded))


def _text_content(head: bytes, size: int) -> str:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_LFS):
        return "a Git LFS pointer, the image itself is not here (git lfs pull)"
    if size < HEAD and _ANNEX.match(text):
        return "a git-annex pointer, the image itself is not here (git annex get)"
    if head.translate(None, _CONTROL) != head:
        return ""
    if text.startswith(b"<"):
        if _HTML.search(text):
            return "a web page (HTML), not an image"
        return "an SVG drawing, which is not read" if b"<svg" in text else "XML, not an image"
    if text.lower().startswith(b"[internetshortcut]"):
        return "a link to a web page, not an image"
    if text[:1] in (b"{", b"["):
        if b"doc_id" in text or b"drive.google.com" in text:
            return "a link to Google Drive, not an image"
        return "text (JSON), not an image"
    return "text, not an image"
