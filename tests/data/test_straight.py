"""Steps of views without albumentations' layers, against albumentations."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from samekind.data.types.images import Pixels
from samekind.data.views.policies import STRENGTHS
from samekind.data.views.two_view import TwoViewTransform

Shape = tuple[int, int, int]


def pictures(count: int, shape: Shape) -> Pixels:
    """Soft blobs of many colours with noise, as wide a range of hue and brightness as there is."""
    random, (height, width, channels) = np.random.default_rng(0), shape
    coarse = random.integers(0, 256, (count, 6, 6, channels), dtype=np.uint8)
    soft = np.stack([cv2.resize(image, (width, height)).reshape(shape) for image in coarse]).astype(int)
    return (soft + random.integers(-9, 9, (count, *shape))).clip(0, 255).astype(np.uint8)


def by_albumentations(transform: TwoViewTransform, images: Pixels, seed: int) -> Pixels:
    """Both views of every image, by calling the transforms themselves."""
    transform._seed(seed)
    views = []
    for image in images[..., 0] if transform.channels == 1 else images:
        for _ in range(2):
            view = image
            for step in transform._transforms:
                view = step(image=view)["image"]
            views.append(view)
    return np.stack(views).reshape(len(images), 2, *views[0].shape[:2], transform.channels).transpose(1, 0, 2, 3, 4)


@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize(
    ("shape", "side"), [((32, 32, 3), 32), ((28, 28, 1), 28), ((64, 48, 3), 32), ((40, 40, 1), 32), ((20, 24, 3), 32)]
)
def test_views_are_those_of_albumentations(shape: Shape, side: int, strength: str) -> None:
    """To the last bit, and the random numbers stay in step: for images as large as the views, larger and smaller ones, and every step."""
    images, transform = pictures(100, shape), TwoViewTransform(side, shape[2], strength)
    for seed in range(2):
        assert np.array_equal(np.stack(transform.batch(images, seed)), by_albumentations(transform, images, seed))


def test_a_transform_travels_to_a_worker() -> None:
    """Which makes the same views, also where workers are sent what they need."""
    images, transform = pictures(8, (16, 16, 3)), TwoViewTransform(16, 3)
    sent: TwoViewTransform = pickle.loads(pickle.dumps(transform))
    assert np.array_equal(sent.batch(images, 3), transform.batch(images, 3))
    assert np.array_equal(sent.batch(images, 3), by_albumentations(sent, images, 3)), "its steps are of its transforms"
