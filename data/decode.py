"""One image: from bytes to an upright picture, and from any picture to encoder input.

`prepare` is the one way an image becomes encoder input; training, indexing and searching all go through it, so that a corpus row and
the same image as a query give the same vector. Encoders trained from scratch take a squashed square: nothing of the image is lost, and
the training views vary the aspect ratio anyway. Pretrained ones take what they were trained for. JPEG's fast reduced decoding is not
used, because its pixels differ from those of a full one.
"""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from samekind.core.errors import ImageError, InputError
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import Preprocessing

THUMBNAIL_LOSSLESS = 64
"""Images up to this side (px) keep their exact pixels as a thumbnail."""
THUMBNAIL_SIDE = 96

# Pillow warns about damaged metadata and large images from within; here either the image is read or `ImageError` says why not.
warnings.filterwarnings("ignore", module=r"PIL\.")

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_STRIP = 16  # longer side over shorter, beyond which only the middle is scaled
_DEPTHS = (8, 10, 12, 14, 16)  # bits a pixel that cameras and scanners really use


def decode_image(source: bytes | str | Path) -> Image.Image:
    """Reads an image as corpora and queries do: upright (EXIF), transparency on white, deep greys in 8 bits, an animation's first frame.

    Args:
        source: an encoded image, or the path of one.

    Returns:
        a Pillow image of mode `L` or `RGB` in its full size, without metadata.

    Raises:
        ImageError: the bytes are no image, or the file is missing, truncated, damaged or absurdly large. For bytes the message is the
            bare reason; for a path it names the file.
    """
    if isinstance(source, bytes):
        return _decode_bytes(source)
    path = Path(source)
    try:
        return _decode_bytes(path.read_bytes())
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file", hint="check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder, expected an image file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL inside the path
        raise ImageError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    except ImageError as error:
        raise ImageError(f"{path}: {error}", hint=error.hint) from error


def _decode_bytes(encoded: bytes) -> Image.Image:
    if not encoded:
        raise ImageError("the file is empty (0 bytes)")
    try:
        with Image.open(io.BytesIO(encoded)) as image:
            return standardise(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("too many pixels to decode safely", hint="scale the image down") from error
    except UnidentifiedImageError as error:
        raise ImageError("not an image of a known format") from error
    except Exception as error:  # Pillow's parsers raise nearly anything (SyntaxError, struct.error, …) on damaged bytes
        raise ImageError(_reason(error)) from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:80]
    if "truncated" in text.lower():
        return "the file is truncated"
    return f"the file is damaged ({text or type(error).__name__})"


def standardise(image: Image.Image) -> Image.Image:
    """Any Pillow image as an upright one of mode `L` or `RGB`, without metadata; applying it twice changes nothing."""
    if image.mode in ("L", "RGB") and not image.info and type(image) is Image.Image:
        return image
    flat = _flatten(_upright(image))
    if flat is image:
        flat = image.copy()
    flat.info = {}  # EXIF or a transparency key left here would be applied a second time
    return flat


def _upright(image: Image.Image) -> Image.Image:
    image.load()
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - a damaged EXIF block fails in many ways and says nothing about the pixels
        return image


def _flatten(image: Image.Image) -> Image.Image:
    """Any mode as `L` or `RGB`: alpha composited on white, deep greys brought to 8 bits."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_to_8_bits(np.asarray(image)))
    grey = image.mode in ("1", "L", "LA", "La")
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return image.convert("L" if grey else "RGB")


def _to_8_bits(values: NDArray[np.generic]) -> Pixels:
    """Deep grey values as uint8, black staying black.

    Integers are read as the smallest usual bit depth that holds their maximum (12-bit microscope images come in 16-bit files and would be
    all but black otherwise), fractions in [0, 1] as shares of white. What fits neither is stretched from minimum to maximum.
    """
    real = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(real)
    real = np.where(finite, real, 0.0)
    low, high = float(real.min()), float(real.max())
    integral = values.dtype.kind in "iu" or bool((real == np.round(real)).all() and high > 1)
    if low >= 0 and high <= 1 and not integral:
        scaled = real * 255.0
    elif low >= 0 and integral and high < 2 ** _DEPTHS[-1]:
        top = next(2**bits - 1 for bits in _DEPTHS if high < 2**bits)
        scaled = real * (255.0 / top)
    else:
        scaled = (real - low) * (255.0 / max(high - low, 1e-12))
    return np.round(np.clip(scaled, 0.0, 255.0)).astype(np.uint8)


def image_from_array(pixels: Pixels) -> Image.Image:
    """An `(H, W)` or `(H, W, 1, 3 or 4)` uint8 array as a Pillow image of mode `L` or `RGB`; a fourth channel is alpha, put on white.

    Raises:
        InputError: it has another shape, or no pixel.
    """
    if pixels.size == 0 or (pixels.ndim == 3 and pixels.shape[2] not in (1, 3, 4)):
        raise InputError(f"an image must be (H, W) or (H, W, 1, 3 or 4), got {pixels.shape}")
    return standardise(Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels))


def to_pixels(image: Image.Image) -> Pixels:
    """The image as a new `(H, W)` or `(H, W, 3)` uint8 array."""
    return np.array(standardise(image), dtype=np.uint8)


def prepare(image: Image.Image, preprocessing: Preprocessing) -> Pixels:
    """Encoder input: `(S, S, C)` uint8 in [0, 255] for size S and C channels, or `(2, S, S, C)` for two crops.

    Args:
        image: any Pillow image; one that is already `(S, S)` is not resampled, unless a crop is asked for.
        preprocessing: size, channels, and the way there.
    """
    image = standardise(image).convert("L" if preprocessing.channels == 1 else "RGB")
    crops = [np.array(_crop(image, each), dtype=np.uint8) for each in preprocessing.each_crop]
    return (crops[0] if len(crops) == 1 else np.stack(crops)).reshape(preprocessing.shape)


def _crop(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    size = preprocessing.size
    return _cropped(image, preprocessing) if preprocessing.crop else _resized(image, (size, size), preprocessing)


def _cropped(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The centre of the image after its shorter side was scaled; sides and offsets are rounded as torchvision does."""
    size, shorter = preprocessing.size, int(preprocessing.size / preprocessing.crop)
    image = _middle(image)
    width, height = image.size
    scaled = tuple(max(1, int(shorter * side / min(width, height))) for side in (width, height))
    image = _resized(image, (scaled[0], scaled[1]), preprocessing)
    left, top = round((image.width - size) / 2), round((image.height - size) / 2)
    return image.crop((left, top, left + size, top + size))


def _middle(image: Image.Image) -> Image.Image:
    """The middle of a strip: scaling a picture of 1 × 20,000 px by its shorter side would take gigabytes."""
    width, height = image.size
    if max(width, height) <= _STRIP * min(width, height):
        return image
    wide, high = min(width, _STRIP * height), min(height, _STRIP * width)
    left, top = (width - wide) // 2, (height - high) // 2
    return image.crop((left, top, left + wide, top + high))


def _resized(image: Image.Image, size: tuple[int, int], preprocessing: Preprocessing) -> Image.Image:
    # Pillow widens the filter when shrinking: antialiased
    return image if image.size == size else image.resize(size, _FILTERS[preprocessing.interpolation])


def worker_threads() -> int:
    """Threads for decoding: one a core, and two more that wait for the disk."""
    return min(16, (os.cpu_count() or 1) + 2)


def thumbnail(image: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """The image for showing: a lossless PNG up to 64 px, otherwise a JPEG of at most `side` px a side."""
    image = standardise(image)
    buffer = io.BytesIO()
    if max(image.size) <= THUMBNAIL_LOSSLESS:
        image.save(buffer, "PNG", compress_level=1)
    else:
        small = image.copy()
        small.thumbnail((side, side), Image.Resampling.BICUBIC)
        small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
