"""Augmented views of an image under every policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from samekind.data.views.policies import STRENGTHS, policy_for

if TYPE_CHECKING:
    from samekind.data.types.images import Pixels


def augmented_views(
    image: Image.Image, size: int, *, corpus: str = "", count: int = 4, seed: int = 0
) -> dict[str, list[Pixels]]:
    """Views as training would draw them.

    Args:
        image: any Pillow image; a grey one has grey views.
        size: side S of a view in pixels.
        corpus: name of the corpus, which may have policies of its own.
        count: views of each policy.
        seed: of the draw.

    Returns:
        For each of `none`, `light`, `medium`, `heavy` that many arrays of `(S, S, C)` uint8.

    Raises:
        InputError: the size is too small.
    """
    from samekind.data.views.two_view import TwoViewTransform  # its library takes four seconds to import

    channels = 1 if image.mode in ("L", "1", "I", "I;16", "F", "LA") else 3
    found: dict[str, list[Pixels]] = {}
    for strength in STRENGTHS:
        transform = TwoViewTransform(size, channels, policy_for(corpus, channels, strength), seed=seed)
        pairs = [transform(image) for _ in range(-(-count // 2))]
        found[strength] = [np.ascontiguousarray(view) for pair in pairs for view in pair][:count]
    return found
