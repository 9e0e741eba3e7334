"""Backbones: from a batch of normalised images to a feature.

`resnet-small` is ours because nothing in timm is made for 28–64 px on a CPU; everything larger comes from timm or open_clip, which are
imported only when they are named.
"""

from __future__ import annotations

from torch import Tensor, nn

from samekind.core.errors import InputError
from samekind.training.config.model import PATCHES, SMALL
from samekind.training.models.patches import PatchEncoder
from samekind.training.models.pretrained.lite0_network import FEATURE_DIM, LITE0_BACKBONE, Lite0
from samekind.training.models.pretrained.open_clip_models import build_open_clip
from samekind.training.models.pretrained.timm_models import build_timm
from samekind.training.models.pretrained.tower import feature_dim


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions around a shortcut (arXiv 1512.03385, figure 2)."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False), nn.BatchNorm2d(channels_out)
            )

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, C', H / stride, W / stride)`."""
        summed: Tensor = self.body(x) + self.shortcut(x)
        return summed.relu_()


class SmallResNet(nn.Module):
    """Three stages of one residual block each, for images of 28–64 px.

    Args:
        channels: of the image, 1 or 3.
        width: channels of the first stage; the second and third have twice and four times as many.
        stem_stride: stride of the first convolution, 1, 2 or 4.
        pool: the last map is averaged to `pool × pool` cells. More than one keeps where things are, which small pictures of
            centred objects need: with one cell alone the feature knew less of Fashion-MNIST than its raw pixels did.

    The feature has `4 · width · pool²` dimensions.
    """

    def __init__(self, channels: int, width: int, stem_stride: int, pool: int) -> None:
        super().__init__()
        kernel = {1: 3, 2: 3, 4: 7}[stem_stride]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, kernel, stem_stride, kernel // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.Sequential(
            ResidualBlock(width, width, 1), ResidualBlock(width, 2 * width, 2), ResidualBlock(2 * width, 4 * width, 2)
        )
        self.pool = nn.AdaptiveAvgPool2d(pool)
        self.feature_dim = 4 * width * pool**2

    def forward(self, x: Tensor) -> Tensor:
        """`(B, channels, S, S)` to `(B, feature_dim)`."""
        cells: Tensor = self.pool(self.stages(self.stem(x)))
        return cells.flatten(1)

    def group_matcher(self) -> dict[str, str]:
        """Blocks of `training.models.parameter_groups`: stem and three stages."""
        return {"stem": r"^stem", "stages": r"^stages\.(\d+)"}


def automatic_stem_stride(image_size: int) -> int:
    """The stride that brings an image to a map of 14–24 cells a side."""
    return 2 if image_size <= 48 else 4


def build_backbone(
    name: str, *, image_size: int, channels: int, width: int, stem_stride: int, pool: int
) -> tuple[nn.Module, int]:
    """A backbone by name, with random weights, and the dimension of its feature.

    Args:
        name: `resnet-small`, `patches-small`, `timm/NAME` or `open_clip/NAME`.
        image_size: pixels a side.
        channels: of the image, 1 or 3.
        width: of `resnet-small`; other backbones have their own, likewise below.
        stem_stride: of `resnet-small`, 0 chooses by image size.
        pool: of `resnet-small`.

    Raises:
        InputError: an unknown name, or a model that takes no images of this size.
    """
    if name == SMALL:
        small = SmallResNet(channels, width, stem_stride or automatic_stem_stride(image_size), pool)
        return small, small.feature_dim
    if name == PATCHES:
        patches = PatchEncoder(channels, width, image_size, pool)
        return patches, patches.feature_dim
    family, _, model_name = name.partition("/")
    if family not in ("timm", "open_clip") or not model_name:
        raise InputError(
            f"unknown backbone {name!r}",
            hint=f"use lite0, {SMALL}, {PATCHES}, timm/NAME[@FILE] or open_clip/NAME[@TAG|FILE], e.g. timm/resnet18",
        )
    if (name, channels) == (LITE0_BACKBONE, 3):
        return Lite0(), FEATURE_DIM
    if family == "timm":
        backbone = build_timm(model_name, image_size=image_size, channels=channels)
    else:
        backbone = build_open_clip(model_name, image_size=image_size)
    return backbone, feature_dim(backbone, image_size, channels)
