"""`patches-small`: a backbone that sees an image as a grid of overlapping patches and encodes every patch alone.

# B images, C channels, S pixels a side, G patches a side, P pixels a patch, D dimension of a patch's code z

Contrastive predictive coding predicts one patch from others, so a code may know nothing but its own patch. Therefore no BatchNorm: its
statistics run over all patches of a batch and tell each about the rest, so that a prediction could be read off them (arXiv 1905.09272
leaves it out as well). GroupNorm with one group stays within the patch. For the same reason the convolutions run over patches that were
cut out first; over the whole image their receptive fields would cross the borders.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from samekind.core.errors import InputError

_LARGEST_FINE_SIDE = 48
_MAP = 4  # the stem brings a patch of any size to a map of 4 × 4 cells


def patch_geometry(image_size: int) -> tuple[int, int]:
    """Side and stride of the patches in pixels: 8 and 4 for images up to 48 px, 16 and 8 above; neighbours share half of their pixels.

    Source:
        arXiv 1807.03748, section 3.2, has 64 and 32 for images of 256 px: a grid of 7 × 7, as here at 32 and 64 px.
    """
    return (8, 4) if image_size <= _LARGEST_FINE_SIDE else (16, 8)


class PatchEncoder(nn.Module):
    """A small convolutional network over every patch of an image.

    Args:
        channels: C of the image, 1 or 3.
        width: channels of the first convolution; a patch's code has D = 4 · width dimensions.
        image_size: S, at least 8. Where patches do not come out even, a margin of zeros (the mean colour of normalised images) is added,
            so that no pixel is lost.
        pool: the feature is the grid averaged to `pool × pool` cells, at most `G × G`.

    Attributes:
        grid_size: G, patches a side: 6 for 28 px, 7 for 32 and for 64 px.
        grid_dim: D.
        feature_dim: `D · pool²`.

    Raises:
        InputError: the images are smaller than one patch.
    """

    def __init__(self, channels: int, width: int, image_size: int, pool: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.patch, self.stride = patch_geometry(image_size)
        if image_size < self.patch:
            raise InputError(
                f"images of {image_size} px are smaller than a patch of {self.patch} px",
                hint=f"take --image-size {self.patch} or more, or --backbone resnet-small",
            )
        self.grid_size = -(-(image_size - self.patch) // self.stride) + 1
        margin = (self.grid_size - 1) * self.stride + self.patch - image_size
        self.margin = (margin // 2, margin - margin // 2)  # before and behind
        self.grid_dim = 4 * width
        self.network = _patch_network(channels, width, self.patch // _MAP)
        pool = min(pool, self.grid_size)
        self.pool = nn.AdaptiveAvgPool2d(pool)
        self.feature_dim = self.grid_dim * pool**2

    def forward(self, images_BCHW: Tensor) -> Tensor:
        """`(B, C, S, S)` normalised images to `(B, feature_dim)` features.

        Raises:
            InputError: the images are not S pixels a side.
        """
        cells: Tensor = self.pool(self.grid(images_BCHW).permute(0, 3, 1, 2))
        return cells.flatten(1)

    def grid(self, images_BCHW: Tensor) -> Tensor:
        """`(B, C, S, S)` normalised images to `(B, G, G, D)` codes; the patch of cell (r, c) starts at pixel (stride · r, stride · c).

        Raises:
            InputError: the images are not S pixels a side.
        """
        codes: Tensor = self.network(self._patches(images_BCHW))
        return codes.reshape(images_BCHW.shape[0], self.grid_size, self.grid_size, self.grid_dim)

    def _patches(self, images_BCHW: Tensor) -> Tensor:
        """`(B · G · G, C, P, P)`, image by image and row by row."""
        if images_BCHW.shape[2:] != (self.image_size, self.image_size):
            height, width = images_BCHW.shape[2:]
            raise InputError(
                f"got images of {height} × {width} px, the patch grid was made for {self.image_size} × {self.image_size} px"
            )
        before, behind = self.margin
        padded = functional.pad(images_BCHW, (before, behind, before, behind))
        windows = padded.unfold(2, self.patch, self.stride).unfold(3, self.patch, self.stride)  # B C G G P P
        patches = windows.permute(0, 2, 3, 1, 4, 5).reshape(-1, images_BCHW.shape[1], self.patch, self.patch)
        return patches.contiguous(memory_format=torch.channels_last)


def _patch_network(channels: int, width: int, stem_stride: int) -> nn.Sequential:
    """`(N, C, P, P)` patches to `(N, 4 · width)` codes: a strided stem to 4 × 4 cells, then 2 × 2, then all of them."""
    kernel = 2 * stem_stride - 1  # 3 or 7: neighbouring cells overlap
    return nn.Sequential(
        nn.Conv2d(channels, width, kernel, stem_stride, kernel // 2),
        nn.ReLU(inplace=True),
        nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False),
        nn.GroupNorm(1, 2 * width),
        nn.ReLU(inplace=True),
        nn.Flatten(),
        nn.Linear(
            8 * width, 4 * width
        ),  # a convolution over all of 2 × 2 by another name, at a third of the time on a CPU
    )
