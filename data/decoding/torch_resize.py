"""Scaling in torch: antialiased, in 8 bits, in a third of Pillow's time (docs/decisions/0053).

First along, then down: of each axis the filter's weights are rounded to 16 bits with as many binary places as the largest of them leaves
room for, and the sums to whole values. So does torch on every processor, with AVX2 and without; Pillow takes weights of 22 places, and up
to 0.5 % of the values of a photo differ, by 1 or 2 of 255.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from samekind.data.types.images import Pixels

if TYPE_CHECKING:
    from torch import Tensor

_OWN_CHANNELS = {"L": 1, "RGB": 4}  # Pillow keeps a fourth that nobody sees, and torch is quickest with four


def torch_resized(
    image: Image.Image, size: tuple[int, int], interpolation: str, part: tuple[int, int, int, int] | None = None
) -> Pixels:
    """The picture in another size, or a part of it in that size.

    Args:
        image: of mode `L` or `RGB`.
        size: width and height; a picture of that size keeps its pixels.
        interpolation: `bilinear` or `bicubic`.
        part: left, top, right and bottom of what is wanted of the scaled picture.

    Returns:
        `(H, W)` or `(H, W, 3)` uint8, a new array.
    """
    from torch.nn import functional  # not at the top: reading a corpus needs no torch

    planes = _planes(image)
    if image.size != size:
        planes = functional.interpolate(planes, size[::-1], mode=interpolation, antialias=True)
    left, top, right, bottom = part or (0, 0, *size)
    seen: Pixels = planes[0].numpy()[:, top:bottom, left:right]
    if image.mode == "L":
        return np.array(seen[0], dtype=np.uint8)
    out = np.empty((*seen.shape[1:], 3), dtype=np.uint8)
    for channel in range(3):  # several times as fast as all three at once
        out[..., channel] = seen[channel]
    return out


def _planes(image: Image.Image) -> Tensor:
    """`(1, C, H, W)` uint8 with the channels of a pixel side by side, to be read only: where Pillow can lend its memory it does."""
    pixels = _lent(image)
    if pixels is None:
        import torch

        pixels = torch.from_numpy(np.array(image if image.mode == "L" else image.convert("RGBX")))
    return pixels.reshape(1, image.height, image.width, _OWN_CHANNELS[image.mode]).permute(0, 3, 1, 2)


def _lent(image: Image.Image) -> Tensor | None:
    """Pillow's own memory, or `None`: large pictures lie in several blocks, which ValueError says."""
    import pyarrow as pa
    from torch.utils.dlpack import from_dlpack

    try:
        lent = pa.array(image)
    except ValueError:
        return None
    return from_dlpack(lent if image.mode == "L" else lent.flatten())
