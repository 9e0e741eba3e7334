"""Colours of a file with a profile as sRGB, which is what encoders were trained on and browsers show."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_MOST_BYTES = 8 << 20
_SAME = 2  # of 255: a profile that moves no colour further is sRGB under another name
_OUTPUT = {"L": "RGB", "RGB": "RGB", "RGBA": "RGBA", "CMYK": "RGB"}


def to_srgb(image: Image.Image) -> Image.Image:
    """The image in sRGB if it has a profile of another space; itself otherwise, also where the profile is damaged or of other channels."""
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes) or not profile or len(profile) > _MOST_BYTES or image.mode not in _OUTPUT:
        return image
    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    converted = transform.apply(image)
    return converted.convert("L") if image.mode == "L" else converted


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The way from a profile to sRGB; `None` if there is nothing to do."""
    try:
        transform = ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)), _srgb(), mode, _OUTPUT[mode]
        )
        colours = _colours(mode)
        moved = np.asarray(transform.apply(colours).convert("RGB"), dtype=int)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
    if mode != "CMYK" and np.abs(moved - np.asarray(colours.convert("RGB"), dtype=int)).max() <= _SAME:
        return None
    return transform


@lru_cache(maxsize=1)
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _colours(mode: str) -> Image.Image:
    """Colours of the whole space, one a pixel."""
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
    return Image.fromarray(np.ascontiguousarray(cube)).convert(mode)
