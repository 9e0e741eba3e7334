"""A rectangle of a picture as a query: the bag on a photo of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from samekind.core.errors import InputError

_EXAMPLE = "e.g. (40, 60, 200, 150): 200 × 150 pixels, 40 from the left and 60 from the top"


@dataclass(frozen=True)
class Crop:
    """One rectangle of a picture as a query. `exclude_self` leaves out the image that it is a part of.

    Attributes:
        image: a path, bytes, a Pillow image, an array, or an id of the index (of its file, or else of its thumbnail).
        box: left, top, width and height in pixels of the picture as `decode_image` reads it.

    Example:
        index.search(sk.Crop("street.jpg", (40, 60, 200, 150)))

    Raises:
        InputError: the box is not four whole numbers, or empty.
    """

    image: Any
    box: Sequence[int]

    def __post_init__(self) -> None:
        box = tuple(self.box) if isinstance(self.box, list | tuple | np.ndarray) else ()
        whole = len(box) == 4 and all(isinstance(n, int | np.integer) and not isinstance(n, bool) for n in box)
        if not whole or min(box[:2]) < 0 or min(box[2:]) < 1:
            raise InputError(f"a crop must be left, top, width and height in pixels, got {self.box!r}", hint=_EXAMPLE)

    def of(self, image: Image.Image, size: tuple[int, int] | None = None) -> Image.Image:
        """The rectangle of a picture.

        Args:
            image: the picture.
            size: width and height that the box is of, where the picture is a smaller copy of it.

        Raises:
            InputError: the rectangle reaches beyond it.
        """
        (width, height), (left, top, wide, high) = size or image.size, self.box
        if left + wide > width or top + high > height:
            given = ",".join(map(str, self.box))
            raise InputError(
                f"the crop {given} reaches beyond the picture of {width} × {height} pixels",
                hint="left + width and top + height must lie within it",
            )
        across, down = image.width / width, image.height / height
        right, bottom = round((left + wide) * across), round((top + high) * down)
        left, top = min(round(left * across), image.width - 1), min(round(top * down), image.height - 1)
        return image.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
