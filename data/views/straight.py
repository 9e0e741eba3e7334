"""The steps of views without albumentations' layers of calls: the same random numbers and the same pixels in half of the time.

For a picture of 32 px most of a step's time goes into decorators, checks and dictionaries around one call of OpenCV. Here each step
draws from its transform as that would draw, and calls OpenCV itself; what is not here is left to albumentations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import albumentations
import cv2
import numpy as np

from samekind.data.types.images import Pixels

Step = Callable[[Pixels], Pixels]
_VALUES = np.arange(256, dtype=np.float32)
_HUES, _ALL_HUES = np.arange(256, dtype=np.int16), 180  # OpenCV's hue is an angle of 2 degrees


def straight(transform: albumentations.BasicTransform) -> Step:
    """What `transform` does to an image `(H, W)` or `(H, W, 3)` uint8, with the random numbers that it would draw."""
    of_image = _OF_IMAGE.get(type(transform), _as_it_is)(transform)
    if transform.p >= 1:  # nothing is drawn then
        return of_image
    return lambda image: of_image(image) if transform.py_random.random() < transform.p else image


def _as_it_is(transform: Any) -> Step:
    def apply(image: Pixels) -> Pixels:
        applied: Pixels = transform(image=image, force_apply=True)["image"]
        return applied

    return apply


def _crop(transform: Any) -> Step:
    height, width = transform.size

    def apply(image: Pixels) -> Pixels:
        left, top, right, bottom = transform.get_params_dependent_on_data({"shape": image.shape}, {})["crop_coords"]
        crop = image[top:bottom, left:right]
        if crop.shape[:2] == (height, width):
            return crop
        shrinks = crop.shape[0] > height or crop.shape[1] > width
        return _pixels(cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))

    return apply


def _mirror(transform: Any) -> Step:
    return lambda image: _pixels(cv2.flip(image, 1))


def _grey(transform: Any) -> Step:
    return lambda image: _pixels(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))


def _blur(transform: Any) -> Step:
    def apply(image: Pixels) -> Pixels:
        kernel = transform.get_params_dependent_on_data({}, {})["kernel"]
        return _pixels(cv2.sepFilter2D(image, -1, kernel, kernel))

    return apply


def _brightness_contrast(transform: Any) -> Step:
    def apply(image: Pixels) -> Pixels:
        drawn = transform.get_params_dependent_on_data({}, {"image": image})
        return _mapped(image, drawn["alpha"], drawn["beta"])

    return apply


def _colour(transform: Any) -> Step:
    steps: Sequence[Callable[[Pixels, float], Pixels]] = (_brightened, _contrasted, _saturated, _turned)

    def apply(image: Pixels) -> Pixels:
        drawn = transform.get_params()
        factors = (drawn["brightness"], drawn["contrast"], drawn["saturation"], drawn["hue"])
        for number in drawn["order"]:
            image = steps[number](image, factors[number])
        return image

    return apply


def _brightened(image: Pixels, factor: float) -> Pixels:
    return _mapped(image, factor, 0.0)


def _contrasted(image: Pixels, factor: float) -> Pixels:
    if factor == 1:
        return image
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return _mapped(image, factor, cv2.sumElems(grey)[0] / grey.size * (1 - factor))


def _saturated(image: Pixels, factor: float) -> Pixels:
    if factor == 1:
        return image
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return _pixels(cv2.addWeighted(image, factor, grey, 1 - factor, gamma=0))


def _turned(image: Pixels, factor: float) -> Pixels:
    if factor == 0:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    table = np.mod(_HUES + _ALL_HUES * factor, _ALL_HUES).astype(np.uint8)
    hsv[..., 0] = cv2.LUT(hsv[..., 0].copy(), table)
    return _pixels(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _mapped(image: Pixels, factor: float, summand: float) -> Pixels:
    """Each value times a factor plus a summand, cut off at both ends and towards zero."""
    return _pixels(cv2.LUT(image, (_VALUES * factor + summand).clip(0, 255).astype(np.uint8)))


def _pixels(found: Any) -> Pixels:
    pixels: Pixels = found  # OpenCV's stubs promise less
    return pixels


_OF_IMAGE: dict[type[albumentations.BasicTransform], Callable[[Any], Step]] = {
    albumentations.RandomResizedCrop: _crop,
    albumentations.HorizontalFlip: _mirror,
    albumentations.ColorJitter: _colour,
    albumentations.RandomBrightnessContrast: _brightness_contrast,
    albumentations.ToGray: _grey,
    albumentations.GaussianBlur: _blur,
}
