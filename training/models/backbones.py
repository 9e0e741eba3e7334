"""Backbones: from a batch of normalised images to a feature.

`resnet-small` is ours because nothing in timm is made for 28–64 px on a CPU; everything larger comes from timm or open_clip, which are
imported only when they are named.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from samekind.core.errors import InputError, MissingDependencyError
from samekind.training.config.model import PATCHES, SMALL
from samekind.training.models.patches import PatchEncoder
from samekind.training.models.pretrained.lite0_network import FEATURE_DIM, LITE0_BACKBONE, Lite0

_CACHED_PIXELS = 4 * 224 * 224
"""Pixels that a thread takes at once: with more, the maps of a large backbone no longer fit in the cache, and each of 64 images of 224 px
took twice as long as each of 4 (`python -m benchmarks.embedding`)."""


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


def automatic_stem_stride(image_size: int) -> int:
    """The stride that brings an image to a map of 14–24 cells a side."""
    return 2 if image_size <= 48 else 4


def build_backbone(
    name: str, *, image_size: int, channels: int, width: int, stem_stride: int, pool: int
) -> tuple[nn.Module, int]:
    """A backbone by name, and the dimension of its feature.

    Args:
        name: `resnet-small`, `patches-small`, `timm/NAME[@CHECKPOINT]` or `open_clip/NAME[@CHECKPOINT]`; without a checkpoint the
            weights are random.
        image_size: pixels a side.
        channels: of the image, 1 or 3.
        width: of `resnet-small`; other backbones have their own, likewise below.
        stem_stride: of `resnet-small`, 0 chooses by image size.
        pool: of `resnet-small`.

    Raises:
        InputError: an unknown name.
        MissingDependencyError: the checkpoint is not where the name says.
    """
    if name == SMALL:
        small = SmallResNet(channels, width, stem_stride or automatic_stem_stride(image_size), pool)
        return small, small.feature_dim
    if name == PATCHES:
        patches = PatchEncoder(channels, width, image_size, pool)
        return patches, patches.feature_dim
    family, _, rest = name.partition("/")
    model_name, _, checkpoint = rest.partition("@")
    if family not in ("timm", "open_clip") or not model_name:
        raise InputError(
            f"unknown backbone {name!r}",
            hint=f"use {SMALL}, {PATCHES}, timm/NAME or open_clip/NAME, e.g. timm/resnet18",
        )
    if checkpoint and not Path(checkpoint).is_file():
        raise MissingDependencyError(
            f"no checkpoint at {checkpoint}",
            hint=f"put the weights of {family}/{model_name} there (.safetensors, .pt or .bin)",
        )
    if (name, channels) == (LITE0_BACKBONE, 3):
        return Lite0(), FEATURE_DIM
    build = _timm if family == "timm" else _open_clip
    backbone = build(model_name, checkpoint, image_size, channels)
    return backbone, _feature_dim(backbone, image_size, channels)


def _timm(name: str, checkpoint: str, image_size: int, channels: int) -> nn.Module:
    import timm

    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"{name[:6]}*")[:5])
        raise InputError(
            f"timm knows no model {name!r}", hint=f"near that name: {close}" if close else "see timm.list_models()"
        )
    options: dict[str, Any] = {"img_size": image_size} if "vit" in name or "swin" in name else {}
    model: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=0, in_chans=channels, checkpoint_path=checkpoint, **options
    )
    return model


class _ImageTower(nn.Module):
    """The image tower of an open_clip model; grey images are repeated to three channels."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        feature: Tensor = self.tower(x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x)
        return feature


def _open_clip(name: str, checkpoint: str, image_size: int, channels: int) -> nn.Module:
    import open_clip

    if name not in open_clip.list_models():
        raise InputError(
            f"open_clip knows no model {name!r}", hint="e.g. open_clip/ViT-B-32; see open_clip.list_models()"
        )
    model = open_clip.create_model(name, pretrained=checkpoint or None, force_image_size=image_size)
    return _ImageTower(model.visual)


@torch.no_grad()
def _feature_dim(backbone: nn.Module, image_size: int, channels: int) -> int:
    was_training = backbone.training
    feature = backbone.eval()(torch.zeros(1, channels, image_size, image_size))
    backbone.train(was_training)
    if feature.ndim != 2:
        raise InputError(f"the backbone returns a feature of shape {tuple(feature.shape)}, expected (1, D)")
    return int(feature.shape[1])


def images_at_once(name: str, image_size: int, device: torch.device) -> int:
    """Images that a library's backbone takes at once where it runs on a CPU; no limit for others.

    What is ours keeps its batches, and with them the last bits of its vectors.
    """
    if "/" not in name or device.type != "cpu":
        return sys.maxsize
    return max(1, _CACHED_PIXELS // image_size**2) * torch.get_num_threads()
