"""The pictures of a file, upright, of mode `L` or `RGB`; very large ones reduced (`flatten.LARGE`)."""

from __future__ import annotations

import hashlib
import re
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.decoding.depth import deep_colour, deep_values, is_deep_grey, range_of, to_8_bits
from samekind.data.decoding.flatten import powers_above, replaced, standardise
from samekind.data.decoding.opening import check_size, is_much_text, kind_of, open_image, reasons
from samekind.data.decoding.png_text import without_texts
from samekind.data.types.reading import DeepRange, Reading, black_and_white

_HEAVY = 50_000_000  # pixels above which one picture at a time is decoded: each takes 200 MB and more
_MOST_FRAMES = 10_000
_REDUCED_PAGE = 0b101  # of TIFF's NewSubfileType: a smaller copy of another page, a mask
_FRAME = re.compile(r"(.+)#([1-9]\d{0,5})", re.DOTALL)
_heavy = threading.Lock()


class Picture(NamedTuple):
    """One decoded picture; `deep` are the values of the file where they have more than 8 bits."""

    image: Image.Image
    deep: DeepRange | None = None


class PictureFile:
    """A file of pictures.

    Args:
        encoded: its bytes.
        reading: how they are read.

    Attributes:
        several: True if it holds more than one picture.

    Raises:
        ImageError: it is no image, damaged or too large; the message is the bare reason.
    """

    def __init__(self, encoded: bytes, reading: Reading) -> None:
        self._encoded, self._reading = encoded, reading
        self._kind = kind_of(encoded)
        self._image = open_image(encoded, self._kind, reading.max_pixels)
        with reasons(reading.max_pixels):
            self.several = bool(getattr(self._image, "is_animated", False))

    def numbers(self) -> list[int]:
        """Numbers of all pictures, from 1; smaller copies of a page (pyramids, previews) are left out.

        Raises:
            ImageError: the file is damaged, or holds more pictures than any real one.
        """
        if not self.several:
            return [1]
        with reasons(self._reading.max_pixels):
            count = int(getattr(self._image, "n_frames", 1))
            if count > _MOST_FRAMES:
                raise ImageError(f"{count:,} pictures in one file, at most {_MOST_FRAMES:,} are read")
            return [n for n in range(1, count + 1) if n == 1 or not self._is_copy(n)]

    def _is_copy(self, number: int) -> bool:
        if self._kind != "TIFF":
            return False
        self._image.seek(number - 1)
        kind = self._image.tag_v2.get(254, 0)  # type: ignore[attr-defined]
        return isinstance(kind, int) and bool(kind & _REDUCED_PAGE)

    def picture(self, number: int = 1) -> Picture:
        """One of them.

        Raises:
            ImageError: it is damaged or too large, or there is no such number.
        """
        try:
            return self._picture(number)
        except ImageError as error:
            if self._kind != "PNG" or not isinstance(error.__cause__, ValueError) or not is_much_text(error.__cause__):
                raise
        self._encoded = without_texts(self._encoded)  # those behind the pixels are read after them
        self._image = open_image(self._encoded, self._kind, self._reading.max_pixels)
        return self._picture(number)

    def _picture(self, number: int) -> Picture:
        image, most = self._image, self._reading.max_pixels
        with reasons(most):
            if number > 1 or self.several:
                _seek(image, number)
                check_size(image.size, most)
            with _heavy if image.width * image.height > _HEAVY else nullcontext():
                return self._decoded(image, number)

    def _decoded(self, image: Image.Image, number: int) -> Picture:
        rawmode = _rawmode(image)  # known until the image is loaded
        power = powers_above(image.size)
        if power and self._kind == "JPEG":
            image.draft(None, (image.width >> power, image.height >> power))
        elif power and self._kind == "JPEG2000":
            image.reduce = power  # type: ignore[assignment, method-assign]
        image.load()
        if is_deep_grey(image):
            return self._scaled(image, deep_values(image))
        if ";16" in rawmode and image.mode in ("RGB", "RGBA"):
            return self._sixteen_bits(image, self._encoded if number == 1 else b"")
        return Picture(standardise(image))

    def _sixteen_bits(self, image: Image.Image, encoded: bytes) -> Picture:
        """A colour picture of 16 bits a channel, of which Pillow keeps the upper eight."""
        upper = np.asarray(image)
        deep = DeepRange(0, 257.0 * int(upper[..., :3].max()), floating=False, integral=True)
        if self._black_and_white(deep) == (0.0, 65535.0):
            return Picture(standardise(image), deep)  # what Pillow has thrown away would not be seen
        full = deep_colour(upper.shape, encoded) if encoded else None
        return self._scaled(image, upper.astype(np.uint16) * 257 if full is None else full)

    def _scaled(self, image: Image.Image, values: NDArray[Any]) -> Picture:
        """The image with its deep values, `(H, W[, 3 or 4])`, in 8 bits."""
        deep = range_of(values[..., :3] if values.ndim == 3 else values)
        pixels = to_8_bits(values, self._black_and_white(deep))
        if values.ndim == 3 and values.shape[2] == 4:
            pixels[..., 3] = values[..., 3] >> 8
        return Picture(standardise(replaced(image, pixels)), deep)

    def _black_and_white(self, deep: DeepRange) -> tuple[float, float]:
        depth = self._reading.depth
        return black_and_white([deep]) if depth is None else depth.range_of(deep)


def _seek(image: Image.Image, number: int) -> None:
    try:
        image.seek(number - 1)
    except EOFError:
        raise ImageError(f"it has no picture number {number}") from None


def _rawmode(image: Image.Image) -> str:
    """How the pixels stand in the file, in Pillow's words; empty where the format has one way only."""
    tile: Any = getattr(image, "tile", None)
    return str(tile[0][3]) if tile else ""


def content_sha256(encoded: bytes, frame: int | None) -> str:
    """Hex digest of a file's content or, for one picture of several, of the file's digest and the picture's number."""
    whole = hashlib.sha256(encoded)
    return whole.hexdigest() if frame is None else hashlib.sha256(whole.digest() + b"#%d" % frame).hexdigest()


def file_and_frame(name: str | Path) -> tuple[Path, int | None]:
    """A path, and the number of the picture in it that a name like `x.tif#3` means; a file that is called so wins."""
    path = Path(name)
    match = _FRAME.fullmatch(str(name))
    if match is None or _exists(path) or not _exists(Path(match[1])):
        return path, None
    return Path(match[1]), int(match[2])


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or a NUL inside
        return False
