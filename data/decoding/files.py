"""A file of a folder: its pictures, or in words why it has none."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.decoding.pictures import PictureFile, content_sha256
from samekind.data.decoding.sniff import HEAD, image_kind
from samekind.data.types.images import NO_IMAGE, is_grey
from samekind.data.types.reading import DeepRange, Reading

_PHOTOS = (
    ".jpg",
    ".jpeg",
    ".jpe",
    ".jfif",
    ".png",
    ".apng",
    ".webp",
    ".gif",
    ".avif",
    ".avifs",
    ".heic",
    ".heif",
    ".hif",
    ".jxl",
)
_SCANS = (
    ".tif",
    ".tiff",
    ".bmp",
    ".dib",
    ".jp2",
    ".j2k",
    ".j2c",
    ".jpf",
    ".jpx",
    ".pgm",
    ".ppm",
    ".pbm",
    ".pnm",
    ".pfm",
    ".qoi",
)
_RAW = (".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".raf", ".rw2", ".orf", ".pef", ".srw", ".x3f", ".mrw")
EXTENSIONS = (*_PHOTOS, *_SCANS, *_RAW)
"""Names under which people keep images: such files are read, or it is said why not. A file of any other name is looked into first."""

_UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".opdownload", ".!ut", ".aria2")
_PLACEHOLDERS = {
    ".icloud": "an iCloud placeholder, the image itself is not on this disk",
    ".cloud": "a cloud placeholder, the image itself is not on this disk",
    ".cloudf": "a cloud placeholder, the image itself is not on this disk",
    ".dvc": "a DVC pointer, the image itself is not here (dvc pull)",
}
_OFFLINE = 0x1000 | 0x40000 | 0x400000  # Windows: offline, recall on open, recall on data access (OneDrive, Dropbox)
_DATALESS = 0x40000000  # macOS: iCloud and others keep the content elsewhere


class ReadImage(NamedTuple):
    """A readable picture: its number in a file of several (`None` where the file is one image), content hash, and whether it is grey."""

    frame: int | None
    sha256: str
    grey: bool


class ReadFile(NamedTuple):
    """What a file holds.

    Attributes:
        images: that are read.
        failures: number and reason of each picture that is not; the number is `None` if it is the whole file.
        several: the file has more than one picture.
        deep: values of pictures of more than 8 bits.
    """

    images: tuple[ReadImage, ...] = ()
    failures: tuple[tuple[int | None, str], ...] = ()
    several: bool = False
    deep: tuple[DeepRange, ...] = ()


def is_placeholder(name: str) -> bool:
    """True if a file of that name stands for an image that is elsewhere. iCloud's are hidden: `.photo.jpg.icloud`."""
    return Path(name).suffix.lower() in _PLACEHOLDERS


def read_file(path: Path, reading: Reading) -> ReadFile:
    """Decodes a file's pictures, to know which can be read.

    Args:
        path: any file; what is no regular file is not opened, because a named pipe would wait for ever.
        reading: how.
    """
    try:
        reason = _by_name(path)
        if reason:
            return _failed(reason)
        if path.suffix.lower() not in EXTENSIONS and not _looks_like_image(path):
            return _failed(f"{NO_IMAGE} ({path.suffix or 'no extension'})")
        return _read(path.read_bytes(), reading)
    except OSError as error:
        return _failed(_elsewhere(path) or f"cannot be read ({error.strerror or error})")
    except ImageError as error:
        return _failed(_elsewhere(path) or str(error))


def read_encoded(encoded: bytes, reading: Reading) -> ReadFile:
    """Decodes the pictures of a file that lies in memory, as `read_file`."""
    try:
        return _read(encoded, reading)
    except ImageError as error:
        return _failed(str(error))


def _failed(reason: str) -> ReadFile:
    return ReadFile(failures=((None, reason),))


def _by_name(path: Path) -> str:
    """The reason to leave a file closed."""
    if not path.is_file():
        if path.exists():
            return "not a regular file"
        target = os.readlink(path) if path.is_symlink() else ""
        if "annex/objects/" in Path(target).as_posix():
            return "a git-annex link, the image itself is not here (git annex get)"
        return "a link to nowhere"
    suffix = path.suffix.lower()
    if suffix in _UNFINISHED:
        return f"an unfinished download ({suffix})"
    return _PLACEHOLDERS.get(suffix, "")


def _looks_like_image(path: Path) -> bool:
    with path.open("rb") as file:
        return image_kind(file.read(HEAD)) is not None


def _elsewhere(path: Path) -> str:
    """The reason that a file cannot be read, if its content is in a cloud."""
    try:
        status = _status(path)
    except OSError:
        return ""
    if getattr(status, "st_file_attributes", 0) & _OFFLINE or getattr(status, "st_flags", 0) & _DATALESS:
        return "a cloud placeholder, the image itself is not on this disk"
    return ""


def _read(encoded: bytes, reading: Reading) -> ReadFile:
    file = PictureFile(encoded, reading)
    alone = reading.frames == "first" or not file.several
    images, failures, deep = [], [], []
    for number in [1] if alone else file.numbers():
        frame = None if alone else number
        try:
            picture = file.picture(number)
        except ImageError as error:
            failures.append((frame, str(error)))
            continue
        images.append(ReadImage(frame, content_sha256(encoded, frame), _is_grey(picture.image)))
        deep += [] if picture.deep is None else [picture.deep]
    return ReadFile(tuple(images), tuple(failures), file.several, tuple(deep))


def _is_grey(image: Image.Image) -> bool:
    """True if no pixel has colour. A coarse pass first: it decides nearly every colour photo without touching all of its pixels."""
    if image.mode == "L":
        return True
    coarse = image.resize((min(64, image.width), min(64, image.height)), Image.Resampling.NEAREST)
    return all(is_grey(np.asarray(pixels)) for pixels in (coarse, image))


def _status(path: Path) -> os.stat_result:
    return path.stat()
