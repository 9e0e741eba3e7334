"""Two random views of an image, made with albumentations.

Three choices to know:

* The transforms are called one after the other, not through `albumentations.Compose`, whose checks of each call cost a third of the time;
  and most of them without albumentations' own layers (`straight`), which cost half of the rest. The views are the same to the last bit.
* They share one pair of random generators. `Compose.set_random_seed` gives every transform a generator of its own with the *same* seed,
  so that "mirror with p = 0.5" and "erase with p = 0.25" draw the same numbers: whatever is erased is mirrored too.
* Seeding costs about as much as a view, so it happens once a batch: the views of a batch follow from its seed and its images alone.
"""

# B batch, S side of a view, C channels

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask its home page for a newer version on import

import albumentations
import cv2

from samekind.core.errors import InputError
from samekind.data.decode import to_pixels
from samekind.data.types.images import Pixels
from samekind.data.views.policies import AugmentationPolicy, policy_for
from samekind.data.views.straight import straight

cv2.setNumThreads(0)  # threads gain nothing on images this small, and OpenCV's do not survive the fork of a worker

_SMALLEST = 4  # px; several of the transforms lose an axis of a single pixel


class TwoViewTransform:
    """Makes two independently augmented views of each image.

    Args:
        image_size: side S of a view in pixels.
        channels: 1 or 3. Grey images get brightness and contrast in place of the colour steps.
        strength: `none`, `light`, `medium`, `heavy`, or an augmentation policy (`policy_for` has those of known corpora).
        seed: of the stream that calls without a seed of their own draw from; random if left out.

    Raises:
        InputError: an argument is out of range or unknown.

    Example:
        >>> first, second = TwoViewTransform(28, channels=1, seed=0)(np.zeros((28, 28), np.uint8))
        >>> first.shape
        (28, 28, 1)
    """

    def __init__(
        self,
        image_size: int,
        channels: int,
        strength: str | AugmentationPolicy = "heavy",
        *,
        seed: int | Sequence[int] | None = None,
    ) -> None:
        if image_size < _SMALLEST:
            raise InputError(f"views must be at least {_SMALLEST} px, got {image_size}")
        if channels not in (1, 3):
            raise InputError(f"channels must be 1 or 3, got {channels}")
        self.image_size = image_size
        self.channels = channels
        self.policy = (
            strength.for_channels(channels)
            if isinstance(strength, AugmentationPolicy)
            else policy_for("", channels, strength)
        )
        self._transforms = _transforms(self.policy, image_size, channels)
        self._steps = [straight(transform) for transform in self._transforms]
        self._seed(seed)

    def __call__(self, image: Pixels | Image.Image, seed: int | Sequence[int] | None = None) -> tuple[Pixels, Pixels]:
        """Two views, `(S, S, C)` uint8.

        Args:
            image: a Pillow image, or `(H, W)` or `(H, W, C)` uint8.
            seed: fixes the views; drawn from the transform's own stream if left out.

        Raises:
            InputError: the image has not the shape or type above.
        """
        pixels = (
            to_pixels(image.convert("L" if self.channels == 1 else "RGB")) if isinstance(image, Image.Image) else image
        )
        pixels = pixels[..., None] if pixels.ndim == 2 else pixels
        first, second = self.batch(pixels[None], seed)
        return first[0], second[0]

    def batch(self, images: Pixels, seed: int | Sequence[int] | None = None) -> tuple[Pixels, Pixels]:
        """Two views of every image; the same seed and images give the same views.

        Args:
            images: `(B, H, W, C)` uint8, of any side.
            seed: one number, or several that name a batch (run, epoch, batch).

        Returns:
            two arrays of `(B, S, S, C)` uint8.

        Raises:
            InputError: the images have not the shape or type above, or the seed is negative.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != self.channels:
            raise InputError(
                f"images must be uint8 of shape (B, H, W, {self.channels}), got {images.dtype} {images.shape}"
            )
        if seed is not None:
            self._seed(seed)
        side = self.image_size
        # grey images go through without their channel axis: OpenCV drops it, and restoring it after each step costs a tenth of the time
        flat = images[..., 0] if self.channels == 1 else images
        views = np.empty((2, len(images), side, side, *flat.shape[3:]), dtype=np.uint8)
        for i, image in enumerate(flat):
            views[0, i] = self._one(image)
            views[1, i] = self._one(image)
        views = views.reshape(2, len(images), side, side, self.channels)
        return views[0], views[1]

    @property
    def recipe(self) -> AugmentationPolicy:
        """Name of `policy` in release 0.1."""
        warnings.warn("TwoViewTransform.recipe is now TwoViewTransform.policy", DeprecationWarning, stacklevel=2)
        return self.policy

    def __getstate__(self) -> dict[str, Any]:
        """Without the steps, which no worker could be sent: it makes them again of the transforms."""
        return {name: value for name, value in self.__dict__.items() if name != "_steps"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._steps = [straight(transform) for transform in self._transforms]

    def _one(self, image: Pixels) -> Pixels:
        for step in self._steps:
            image = step(image)
        return image

    def _seed(self, seed: int | Sequence[int] | None) -> None:
        if seed is not None and np.min(seed) < 0:
            raise InputError(f"a seed must not be negative, got {seed}")
        generator = np.random.default_rng(seed)
        python_random = random.Random(int(generator.integers(2**63)))  # noqa: S311 - views, no secret
        for transform in self._transforms:
            transform.set_random_state(generator, python_random)


def _transforms(policy: AugmentationPolicy, size: int, channels: int) -> list[albumentations.BasicTransform]:
    """The steps of a policy, without those that never do anything."""
    steps: list[albumentations.BasicTransform] = []
    if policy.crop_scale == (1.0, 1.0):
        steps.append(albumentations.Resize(size, size, interpolation=cv2.INTER_AREA))
    else:
        steps.append(
            albumentations.RandomResizedCrop(
                size=(size, size), scale=policy.crop_scale, ratio=policy.crop_ratio, area_for_downscale="image"
            )
        )
    if policy.flip:
        steps.append(albumentations.HorizontalFlip(p=policy.flip))
    if policy.jitter and channels == 1 and (policy.brightness or policy.contrast):
        steps.append(albumentations.RandomBrightnessContrast(policy.brightness, policy.contrast, p=policy.jitter))
    if policy.jitter and channels == 3 and (policy.brightness or policy.contrast or policy.saturation or policy.hue):
        factors = [
            (max(0.0, 1 - amount), 1 + amount) for amount in (policy.brightness, policy.contrast, policy.saturation)
        ]
        steps.append(albumentations.ColorJitter(*factors, hue=(-policy.hue, policy.hue), p=policy.jitter))
    if policy.grey and channels == 3:
        steps.append(albumentations.ToGray(p=policy.grey))
    if policy.blur:
        steps.append(albumentations.GaussianBlur(blur_limit=0, sigma_limit=policy.blur_sigma, p=policy.blur))
    if policy.erasing:
        steps.append(albumentations.Erasing(scale=policy.erasing_scale, fill=policy.erasing_fill, p=policy.erasing))
    return steps
