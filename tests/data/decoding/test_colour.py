"""Profiles: what a file calls red becomes what sRGB calls so."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from samekind.data.decode import decode_image
from tests.data.decoding.samples import encoded, ink_profile, matrix_profile

WIDE = matrix_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
"""Adobe RGB (1998), from its published primaries."""
COLOUR = (120, 160, 90)


def flat(mode: str = "RGB", colour: object = COLOUR) -> Image.Image:
    """One colour."""
    return Image.new(mode, (32, 32), colour)  # type: ignore[arg-type]


def middle(content: bytes) -> list[int]:
    """The colour in the middle."""
    return [int(value) for value in np.asarray(decode_image(content).convert("RGB"))[16, 16]]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_wide_gamut_becomes_srgb(kind: str) -> None:
    """The same numbers mean a stronger green there: sRGB needs less red for it (Adobe RGB 120, 160, 90 is about 100, 160, 83)."""
    options = {"quality": 100, "lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    plain = middle(encoded(flat(), kind, **options))
    wide = middle(encoded(flat(), kind, icc_profile=WIDE, **options))
    assert max(abs(a - b) for a, b in zip(plain, COLOUR, strict=True)) <= 3
    assert max(abs(a - b) for a, b in zip(wide, (100, 160, 83), strict=True)) <= 5


def test_transparency_and_palettes_have_profiles_too() -> None:
    """Behind RGBA, and behind a palette."""
    wide = middle(encoded(flat(), "PNG", icc_profile=WIDE))
    assert middle(encoded(flat("RGBA", (*COLOUR, 255)), "PNG", icc_profile=WIDE)) == wide
    assert middle(encoded(flat().quantize(2), "PNG", icc_profile=WIDE)) == wide


def test_inks_are_shown_as_their_profile_says() -> None:
    """CMYK with a profile in which black ink is a mid-grey; without one, black is black."""
    ink = flat("CMYK", (0, 0, 0, 255))
    assert max(middle(encoded(ink, "TIFF"))) < 10
    with_profile = middle(encoded(ink, "TIFF", icc_profile=ink_profile()))
    assert all(120 < value < 170 for value in with_profile)  # L* 60 is 145


@pytest.mark.parametrize("profile", ["sRGB", "damaged", "other channels", "huge"])
def test_what_changes_nothing(profile: str) -> None:
    """sRGB under its own name, rubbish, a profile of other channels and one of megabytes leave every pixel as it is."""
    content = {
        "sRGB": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "damaged": WIDE[:150] + bytes(40),
        "other channels": ink_profile(),
        "huge": WIDE + bytes(9 << 20),
    }[profile]
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = content
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", icc_profile=content)
    assert np.array_equal(np.asarray(decode_image(buffer.getvalue())), pixels)


def test_grey_stays_grey() -> None:
    """A grey picture with a colour profile is still of one channel."""
    assert decode_image(encoded(flat("L", 90), "PNG", icc_profile=WIDE)).mode == "L"
