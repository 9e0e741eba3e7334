"""Any Pillow image as an upright one of mode `L` or `RGB`."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from PIL import Image, ImageOps

from samekind.data.decoding.colour import to_srgb
from samekind.data.decoding.depth import deep_values, is_deep_grey, range_of, to_8_bits
from samekind.data.types.images import Pixels
from samekind.data.types.reading import black_and_white

LARGE = 100_000_000
"""Pixels above which a picture is read reduced, by a power of two: what encoders see of it is some hundred pixels a side anyway."""

_ORIENTATION = 0x0112
_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
_REDUCIBLE = ("L", "RGB", "RGBA")


def standardise(image: Image.Image) -> Image.Image:
    """Any Pillow image as an upright one of mode `L` or `RGB`, without metadata; applying it twice changes nothing."""
    if image.mode in ("L", "RGB") and not image.info and type(image) is Image.Image:
        return image
    image.load()
    flat = _flatten(_upright(_smaller(image)))
    flat = _smaller(flat)
    if flat is image:
        flat = image.copy()
    flat.info = {}  # EXIF or a transparency key left here would be applied a second time
    return flat


def powers_above(size: tuple[int, int], most: int = LARGE) -> int:
    """How often a picture has to be halved so that at most that many pixels are left."""
    power = 0
    while size[0] * size[1] >> (2 * power) > most:
        power += 1
    return power


def replaced(image: Image.Image, pixels: Pixels) -> Image.Image:
    """The image with other pixels, its orientation kept."""
    other = Image.fromarray(pixels)
    exif: Any = image.info.get("exif")
    if not exif:
        try:
            exif = image.getexif().tobytes()
        except Exception:  # noqa: BLE001 - as in `_upright`
            exif = None
    if exif:
        other.info["exif"] = exif
    return other


def eight_bits(image: Image.Image, values: NDArray[Any] | None = None) -> Pixels:
    """Deep grey values on their own scale."""
    own = deep_values(image) if values is None else values
    return to_8_bits(own, black_and_white([range_of(own)]))


def _smaller(image: Image.Image) -> Image.Image:
    power = powers_above(image.size)
    return image.reduce(2**power) if power and image.mode in _REDUCIBLE else image


def _upright(image: Image.Image) -> Image.Image:
    try:
        if image.getexif().get(_ORIENTATION, 1) == 1:
            return image  # which `exif_transpose` would copy
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - a damaged EXIF block fails in many ways and says nothing about the pixels
        return image


def _flatten(image: Image.Image) -> Image.Image:
    """Any mode as `L` or `RGB`: in sRGB, alpha composited on white, deep greys brought to 8 bits."""
    if is_deep_grey(image):
        return Image.fromarray(eight_bits(image))
    grey = image.mode in ("1", "L", "LA", "La")
    profile = image.info.get("icc_profile")
    if "transparency" in image.info or image.mode in _ALPHA:
        layer = image.convert("RGBA")
        if profile:
            layer = to_srgb(layer)
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    elif profile:
        image = to_srgb(image.convert("RGB") if image.mode in ("P", "YCbCr") else image)
    return image.convert("L" if grey else "RGB")
