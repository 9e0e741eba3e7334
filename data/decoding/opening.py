"""A file of a known format as a Pillow image that has yet to be decoded.

The class of the format is called by itself: `PIL.Image.open` would try others and hold its own limit on pixels, which is a global of the
process. Here the limit is an argument.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.decoding.jxl_size import jxl_size
from samekind.data.decoding.png_text import without_texts
from samekind.data.decoding.raw_tiff import is_raw_tiff
from samekind.data.decoding.sniff import HEAD, RAW, image_kind, other_content

# Pillow warns about damaged metadata and large images from within; here either the image is read or `ImageError` says why not.
warnings.filterwarnings("ignore", module=r"PIL\.")

_CLASSES = {
    "AVIF": ("PIL.AvifImagePlugin:AvifImageFile",),
    "BMP": ("PIL.BmpImagePlugin:BmpImageFile",),
    "GIF": ("PIL.GifImagePlugin:GifImageFile",),
    "HEIF": ("pi_heif.as_plugin:HeifImageFile", "pillow_heif.as_plugin:HeifImageFile"),
    "ICO": ("PIL.IcoImagePlugin:IcoImageFile",),
    # never MPO: the second picture in a camera's JPEG is a preview, a depth map or the other eye
    "JPEG": ("PIL.JpegImagePlugin:JpegImageFile",),
    "JPEG2000": ("PIL.Jpeg2KImagePlugin:Jpeg2KImageFile",),
    "JXL": ("pillow_jxl.JpegXLImagePlugin:JXLImageFile",),
    "PNG": ("PIL.PngImagePlugin:PngImageFile",),
    "PPM": ("PIL.PpmImagePlugin:PpmImageFile",),
    "QOI": ("PIL.QoiImagePlugin:QoiImageFile",),
    "TIFF": ("PIL.TiffImagePlugin:TiffImageFile",),
    "WEBP": ("PIL.WebPImagePlugin:WebPImageFile",),
}
_EXTRAS = {"HEIF": ("a HEIC photo", "heif"), "JXL": ("a JPEG XL picture", "jxl"), RAW: ("a camera's raw file", "raw")}
_MUCH_TEXT = ("Decompressed data too large", "Too much memory used in text chunks")


def kind_of(encoded: bytes) -> str:
    """The format of a file.

    Raises:
        ImageError: it is no image; the message says what it is instead.
    """
    kind = image_kind(encoded[:HEAD])
    if kind is None:
        raise ImageError(other_content(encoded) or "not an image of a known format")
    return RAW if kind == "TIFF" and is_raw_tiff(encoded) else kind


def open_image(encoded: bytes, kind: str, max_pixels: int) -> Image.Image:
    """A file of that format, opened.

    Raises:
        ImageError: it is damaged or has too many pixels, or a plugin is missing.
    """
    with reasons(max_pixels):
        if kind == RAW:
            return _developed(encoded, max_pixels)
        opener = _opener(kind)
        if kind == "JXL":  # whose plugin decodes when it opens
            check_size(jxl_size(encoded), max_pixels)
        if kind == "GIF":  # which Pillow compares with its own limit when it opens
            check_size(struct.unpack_from("<HH", encoded, 6), max_pixels)
        try:
            image: Image.Image = opener(io.BytesIO(encoded), "")
        except ValueError as error:
            if kind != "PNG" or not is_much_text(error):
                raise
            image = opener(io.BytesIO(without_texts(encoded)), "")
        check_size(image.size, max_pixels)
        return image


def is_much_text(error: Exception) -> bool:
    """True if Pillow refused a PNG for its texts."""
    return str(error).startswith(_MUCH_TEXT)


def check_size(size: Sequence[int], max_pixels: int) -> None:
    """Refuses a picture of more than `max_pixels`."""
    if size[0] * size[1] > max_pixels:
        raise ImageError(
            f"too many pixels: {size[0]:,} × {size[1]:,} is more than {max_pixels:,}; --max-pixels N reads more"
        )


def _opener(kind: str) -> Any:
    for name in _CLASSES[kind]:
        module, _, attribute = name.partition(":")
        try:
            return getattr(import_module(module), attribute)
        except ImportError:
            continue
    raise _missing(kind)


def _missing(kind: str) -> ImageError:
    if kind not in _EXTRAS:
        return ImageError(f"{kind} cannot be read with this Pillow: install version 11.3 or newer")
    what, extra = _EXTRAS[kind]
    return ImageError(f"{what}, which needs: pip install 'samekind[{extra}]'")


def _developed(encoded: bytes, max_pixels: int) -> Image.Image:
    """A raw file as the camera balanced it; brightness is not fitted to each file, or equal scenes would differ."""
    try:
        rawpy: Any = import_module("rawpy")
    except ImportError:
        raise _missing(RAW) from None
    with rawpy.imread(io.BytesIO(encoded)) as raw:
        check_size((raw.sizes.width, raw.sizes.height), max_pixels)
        return Image.fromarray(raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=8))


@contextmanager
def reasons(max_pixels: int) -> Iterator[None]:
    """Turns whatever a decoder raises into an `ImageError` with a short reason."""
    try:
        yield
    except ImageError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"too many pixels for this format, or more than {max_pixels:,}") from error
    except MemoryError as error:
        raise ImageError("too large for the memory of this machine") from error
    except Exception as error:  # parsers raise nearly anything (SyntaxError, struct.error, …) on damaged bytes
        raise ImageError(_reason(error)) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:80]
    if "truncated" in text.lower():
        return "the file is truncated"
    return f"the file is damaged ({text or type(error).__name__})"
