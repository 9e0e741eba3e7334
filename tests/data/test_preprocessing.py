"""Preprocessing as pretrained models were evaluated, against torchvision's own transforms."""

from __future__ import annotations

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.decode import prepare
from samekind.data.types.preprocessing import PILLOW, TORCH, Preprocessing, preprocessing_of, way_of_resizing
from samekind.training.models.pretrained.lite0 import lite0_spec

SIZES = [
    (350, 128),
    (128, 350),
    (96, 96),
    (64, 64),
    (160, 160),
    (350, 350),
    (211, 211),
    (73, 74),
    (31, 200),
    (1, 5),
    (500, 333),
]


def noise(width: int, height: int) -> Image.Image:
    """A seeded colour picture, in which any other way of scaling shows."""
    return Image.fromarray(np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("crop", [0.875, 0.9, 1.0])
def test_a_crop_is_that_of_the_transforms_that_models_are_evaluated_with(
    size: tuple[int, int], interpolation: str, crop: float
) -> None:
    """Shorter side scaled, centre cut out: to the pixel what torchvision does."""
    functional = importlib.import_module("torchvision.transforms.functional")  # comes with timm
    image = noise(*size)
    scaled = functional.resize(image, int(64 / crop), functional.InterpolationMode(interpolation))
    expected = np.asarray(functional.center_crop(scaled, [64, 64]))
    np.testing.assert_array_equal(prepare(image, Preprocessing(64, 3, interpolation, crop)), expected)


def test_it_is_the_transform_that_timm_makes_for_lite0() -> None:
    """timm's own evaluation transform of the same numbers, normalised by mean and deviation, up to rounding in float32."""
    from timm.data.transforms_factory import create_transform

    spec = replace(lite0_spec(), resize=PILLOW)
    transform = create_transform(
        (3, 224, 224), interpolation=spec.interpolation, mean=spec.mean, std=spec.std, crop_pct=spec.crop
    )
    image = noise(301, 240)
    pixels = prepare(image, preprocessing_of(spec)) / np.float32(255)
    ours = (pixels - np.array(spec.mean, np.float32)) / np.array(spec.std, np.float32)
    np.testing.assert_allclose(ours.transpose(2, 0, 1), np.asarray(transform(image)), atol=1e-6)


def test_without_a_crop_the_whole_image_is_squashed() -> None:
    """As every encoder that is trained from scratch sees it; an image of the right size keeps its pixels."""
    image = noise(31, 77)
    squashed = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(prepare(image, Preprocessing(16, 3)), squashed)
    np.testing.assert_array_equal(prepare(noise(16, 16), Preprocessing(16, 3)), np.asarray(noise(16, 16)))


def test_a_grey_picture_has_one_channel_after_the_crop_too() -> None:
    """Channels are the encoder's, not the picture's."""
    assert prepare(noise(40, 30), Preprocessing(16, 1, crop=0.5)).shape == (16, 16, 1)
    assert prepare(noise(40, 30).convert("L"), Preprocessing(16, 3, crop=0.5)).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": 0}, "at least 1 px"),
        ({"channels": 2}, "1 or 3"),
        ({"interpolation": "nearest"}, "'nearest'"),
        ({"crop": 1.5}, r"\[0, 1\]"),
        ({"crop": -0.1}, r"\[0, 1\]"),
        ({"resize": "opencv"}, "'opencv'"),
        ({"resize": TORCH, "interpolation": "lanczos"}, "torch has no lanczos"),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, object], message: str) -> None:
    """One line names the value."""
    with pytest.raises(InputError, match=message):
        Preprocessing(**{"size": 64, "channels": 3, **values})  # type: ignore[arg-type]


def test_a_spec_without_a_way_means_the_squashed_square() -> None:
    """What other people's encoders say of themselves is a size and a number of channels."""
    assert preprocessing_of(SimpleNamespace(image_size=8, channels=1)) == Preprocessing(8, 1, "bicubic", 0.0)


def test_a_new_pretrained_encoder_scales_in_torch_where_it_can() -> None:
    """And what does not say how it scales does so in Pillow, as it always has."""
    assert lite0_spec().resize == TORCH
    assert [way_of_resizing(filter_) for filter_ in ("bilinear", "bicubic", "lanczos")] == [TORCH, TORCH, PILLOW]
    assert preprocessing_of(SimpleNamespace(image_size=8, channels=1)).resize == PILLOW


@pytest.mark.parametrize("resize", [PILLOW, TORCH])
@pytest.mark.parametrize("size", [(2, 20_000), (20_000, 2)])
def test_a_strip_costs_no_more_than_its_middle(size: tuple[int, int], resize: str) -> None:
    """Scaled by its shorter side it would have 2.5 million pixels a side; what is cut out of the middle is the same."""
    pixels = prepare(Image.new("RGB", size, (9, 99, 199)), Preprocessing(224, 3, "bicubic", 0.875, resize=resize))
    assert (pixels == (9, 99, 199)).all()
