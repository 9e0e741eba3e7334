"""Augmentation policies and the two views."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from samekind.core.errors import InputError
from samekind.data.types.images import Pixels
from samekind.data.views.policies import STRENGTHS, AugmentationPolicy, policy_for
from samekind.data.views.two_view import TwoViewTransform

EVERYTHING = AugmentationPolicy(
    "everything", (0.3, 1.0), flip=0.5, jitter=1.0, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1, grey=0.3, blur=0.5, erasing=0.5
)  # fmt: skip


def photos(count: int, side: int, channels: int) -> Pixels:
    """Random images."""
    return np.random.default_rng(side).integers(0, 256, (count, side, side, channels), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [*STRENGTHS, EVERYTHING])
@pytest.mark.parametrize(("side", "size"), [(28, 28), (40, 28), (16, 28), (1, 28), (28, 4)])
def test_views_have_the_asked_shape(channels: int, strength: str | AugmentationPolicy, side: int, size: int) -> None:
    """Every policy gives uint8 views of the asked size from images of any size."""
    views = TwoViewTransform(size, channels, strength).batch(photos(6, side, channels), seed=1)
    for view in views:
        assert view.shape == (6, size, size, channels)
        assert view.dtype == np.uint8


@pytest.mark.parametrize("channels", [1, 3])
def test_a_seed_fixes_the_views(channels: int) -> None:
    """Same seed and images, same views, whatever was drawn before and in whichever copy; another seed gives others."""
    images = photos(8, 28, channels)
    transform = TwoViewTransform(28, channels, EVERYTHING)
    first = transform.batch(images, (3, 1, 4))
    transform.batch(images)
    np.random.seed(0)
    again = transform.batch(images, (3, 1, 4))
    copied = pickle.loads(pickle.dumps(transform)).batch(images, (3, 1, 4))
    assert all(np.array_equal(a, b) and np.array_equal(a, c) for a, b, c in zip(first, again, copied, strict=True))
    other = transform.batch(images, (3, 1, 5))
    assert not np.array_equal(first[0], other[0])


def test_the_two_views_differ_and_the_images_stay() -> None:
    """The views of an image are augmented independently, and the images handed in are not written to."""
    images = photos(16, 28, 1)
    before = images.copy()
    first, second = TwoViewTransform(28, 1).batch(images, 0)
    assert all(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert np.array_equal(images, before)


def test_steps_are_independent_of_each_other() -> None:
    """Mirroring and greying happen together as often as chance has it (with generators of their own but one seed: always)."""
    images = np.zeros((600, 16, 16, 3), np.uint8)
    images[:, :, :8, 0] = 200  # red on the left
    policy = AugmentationPolicy("two", flip=0.5, jitter=0.0, grey=0.5)
    views = np.concatenate(TwoViewTransform(16, 3, policy).batch(images, 0))
    mirrored = views[:, 0, 15, 0] > 0
    grey = (views[..., 0] == views[..., 1]).all(axis=(1, 2))
    assert abs(mirrored.mean() - 0.5) < 0.06
    assert abs(grey.mean() - 0.5) < 0.06
    assert abs((mirrored & grey).mean() - 0.25) < 0.06


def test_no_strength_is_no_change() -> None:
    """`none` returns the images as they are, twice."""
    images = photos(4, 28, 3)
    for view in TwoViewTransform(28, 3, "none").batch(images, 0):
        assert np.array_equal(view, images)


def test_grey_images_are_spared_the_colour_steps() -> None:
    """With one channel the policy has no colour step left, and grey photos in three channels stay grey without hue and saturation."""
    assert policy_for("anything", 1) == replace(policy_for("anything", 3), saturation=0.0, hue=0.0, grey=0.0)
    transform = TwoViewTransform(28, 1, EVERYTHING)
    assert (transform.policy.saturation, transform.policy.hue, transform.policy.grey) == (0.0, 0.0, 0.0)


def test_losing_colour_gives_three_equal_channels() -> None:
    """The grey step makes colour photos grey but keeps their three channels."""
    view, _ = TwoViewTransform(28, 3, AugmentationPolicy("grey", jitter=0.0, grey=1.0)).batch(photos(4, 28, 3), 0)
    assert (view == view[..., :1]).all()


def test_crops_keep_their_share_and_ratio() -> None:
    """On a ramp, the range that a crop shows tells its width and height: area and ratio stay within the policy's bounds."""
    side = 100
    ramp = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).astype(np.uint8)
    images = np.concatenate([ramp, np.zeros_like(ramp[..., :1])], axis=-1)[None].repeat(200, 0)
    view, _ = TwoViewTransform(50, 3, AugmentationPolicy("crop", (0.3, 0.6), jitter=0.0)).batch(images, 0)
    width, height = (np.ptp(view[..., axis].reshape(200, -1), axis=1) + 1.0 for axis in (0, 1))
    share, ratio = width * height / side**2, width / height
    assert 0.27 < share.min() < 0.35 < 0.55 < share.max() < 0.63
    assert 0.7 < ratio.min() < 0.85 < 1.2 < ratio.max() < 1.4


def test_a_corpus_may_differ_from_the_general_recipe() -> None:
    """Digits are never mirrored, at any strength; an unknown corpus gets the general policy."""
    assert all(policy_for("digits", 1, strength).flip == 0 for strength in STRENGTHS)
    assert policy_for("fashion-mnist", 1).crop_scale == (0.3, 1.0)
    assert policy_for("my photos", 3) == TwoViewTransform(28, 3).policy


def test_single_images_of_every_kind() -> None:
    """A Pillow image of any mode, a 2-d array and a 3-d array give the same pair for the same seed."""
    pixels = photos(1, 20, 1)[0]
    transform = TwoViewTransform(28, 1)
    pairs = [transform(image, seed=5) for image in (pixels, pixels[..., 0], Image.fromarray(pixels[..., 0]))]
    assert pairs[0][0].shape == (28, 28, 1)
    for pair in pairs[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(pair, pairs[0], strict=True))
    colour, _ = TwoViewTransform(28, 3)(Image.new("RGBA", (9, 5), (10, 20, 30, 255)))
    assert colour.shape == (28, 28, 3)


def test_bad_arguments() -> None:
    """Unknown strengths and wrong shapes are input errors that say what was expected."""
    with pytest.raises(InputError, match="'fierce'"):
        TwoViewTransform(28, 1, "fierce")
    with pytest.raises(InputError):
        TwoViewTransform(3, 1)
    with pytest.raises(InputError):
        TwoViewTransform(28, 2)
    transform = TwoViewTransform(28, 3)
    wrong: list[Any] = [photos(2, 28, 1), photos(2, 28, 3).astype(np.float32), photos(2, 28, 3)[0]]
    for bad in wrong:
        with pytest.raises(InputError, match="uint8 of shape"):
            transform.batch(bad, 0)
    with pytest.raises(InputError, match="negative"):
        transform.batch(photos(2, 28, 3), -1)


def test_the_policy_under_its_former_name() -> None:
    """`recipe` of release 0.1 still answers, and says what it is called now."""
    transform = TwoViewTransform(28, 3, "light")
    with pytest.warns(DeprecationWarning, match=r"TwoViewTransform\.policy"):
        assert transform.recipe is transform.policy
