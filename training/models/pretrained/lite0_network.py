"""EfficientNet-Lite0 under timm's names, number for number what `timm.create_model("tf_efficientnet_lite0", num_classes=0)` builds.

It is written out here because it is the encoder that most folders of photos get, and importing timm takes 2 to 3 s, as long as everything
else in a cold search. Artefacts name it `timm/tf_efficientnet_lite0` and hold timm's tensors, so either can read them. Where nothing is
learnt, each batch norm is folded into the convolution before it: the features are the same to 1e-5, in less time (docs/results.md). It is
done in every pass and not kept, so that weights which change are never behind.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_STAGES = (  # blocks, kernel, stride of the first block, expansion, channels: arXiv 1905.11946, table 1, without squeeze and excitation
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
_STEM = 32
FEATURE_DIM = 1280
LITE0_BACKBONE = "timm/tf_efficientnet_lite0"


class SameConv(nn.Conv2d):
    """Convolution padded as TensorFlow does: `⌈side / stride⌉` cells come out, and an odd pixel of padding goes to the far side."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, groups: int = 1) -> None:
        even = kernel // 2 if stride == 1 else 0
        super().__init__(channels_in, channels_out, kernel, stride, even, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, C', ⌈H / stride⌉, ⌈W / stride⌉)`."""
        return super().forward(self._padded(x))

    def normed(self, x: Tensor, norm: Norm) -> Tensor:
        """The same, and batch norm after it: in one go where the network is evaluated and no gradient is asked for.

        The convolution's mode counts and not the norm's, which a training may have frozen: all its passes are done in one way.
        """
        if self.training or torch.is_grad_enabled():
            normed: Tensor = norm(self(x))
            return normed
        scale, shift = norm.scale_and_shift()
        out = self._conv_forward(self._padded(x), self.weight * scale[:, None, None, None], shift)
        return norm.activated(out)

    def _padded(self, x: Tensor) -> Tensor:
        if self.stride[0] == 1:
            return x
        below, right = (self._missing(side) for side in x.shape[2:])
        return functional.pad(x, (right // 2, right - right // 2, below // 2, below - below // 2))

    def _missing(self, side: int) -> int:
        kernel, stride = self.kernel_size[0], self.stride[0]
        return max(0, (-(-side // stride) - 1) * stride + kernel - side)


class Norm(nn.BatchNorm2d):
    """Batch norm with TensorFlow's ε and, by default, ReLU6 after it."""

    def __init__(self, channels: int, *, active: bool = True) -> None:
        super().__init__(channels, eps=1e-3)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return self.activated(super().forward(x))

    def activated(self, x: Tensor) -> Tensor:
        """ReLU6 in place, where there is one."""
        return functional.relu6(x, inplace=True) if self.active else x

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """`(C,)` scale and shift that it is while its statistics stand."""
        assert self.running_mean is not None
        assert self.running_var is not None
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale


class DepthwiseSeparable(nn.Module):
    """The first block: depthwise, then pointwise without an activation."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv_dw = SameConv(channels_in, channels_in, kernel, stride, groups=channels_in)
        self.bn1 = Norm(channels_in)
        self.conv_pw = SameConv(channels_in, channels_out, 1, 1)
        self.bn2 = Norm(channels_out, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, C', ⌈H / stride⌉, ⌈W / stride⌉)`."""
        out: Tensor = self.conv_pw.normed(self.conv_dw.normed(x, self.bn1), self.bn2)
        return out


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; a shortcut where shapes allow it (arXiv 1801.04381, figure 4)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        middle = channels_in * expansion
        self.conv_pw = SameConv(channels_in, middle, 1, 1)
        self.bn1 = Norm(middle)
        self.conv_dw = SameConv(middle, middle, kernel, stride, groups=middle)
        self.bn2 = Norm(middle)
        self.conv_pwl = SameConv(middle, channels_out, 1, 1)
        self.bn3 = Norm(channels_out, active=False)
        self.has_shortcut = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """`(B, C, H, W)` to `(B, C', ⌈H / stride⌉, ⌈W / stride⌉)`."""
        out: Tensor = self.conv_pwl.normed(self.conv_dw.normed(self.conv_pw.normed(x, self.bn1), self.bn2), self.bn3)
        return out + x if self.has_shortcut else out


class Lite0(nn.Module):
    """Colour images of any size to the 1,280 channels of the head, averaged over the map."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, _STEM, 3, 2)
        self.bn1 = Norm(_STEM)
        stages, channels = [], _STEM
        for blocks, kernel, stride, expansion, out in _STAGES:
            stages.append(_stage(channels, out, kernel, stride, (blocks, expansion)))
            channels = out
        self.blocks = nn.Sequential(*stages)
        self.conv_head = SameConv(channels, FEATURE_DIM, 1, 1)
        self.bn2 = Norm(FEATURE_DIM)

    def forward(self, x: Tensor) -> Tensor:
        """`(B, 3, H, W)` to `(B, 1280)`."""
        cells: Tensor = self.conv_head.normed(self.blocks(self.conv_stem.normed(x, self.bn1)), self.bn2)
        return torch.mean(cells, dim=(2, 3))

    def group_matcher(self) -> dict[str, Any]:
        """Blocks of `training.models.parameter_groups`: stem, 16 blocks, the head with the last one."""
        return {
            "stem": r"^conv_stem|bn1",
            "blocks": [(r"^blocks\.(\d+)\.(\d+)", None), (r"^conv_head|bn2", (99999,))],
        }


def _stage(channels: int, out: int, kernel: int, stride: int, repeats: tuple[int, int]) -> nn.Sequential:
    blocks, expansion = repeats
    if expansion == 1:
        return nn.Sequential(DepthwiseSeparable(channels, out, kernel, stride))
    first = InvertedResidual(channels, out, kernel, stride, expansion)
    return nn.Sequential(first, *(InvertedResidual(out, out, kernel, 1, expansion) for _ in range(blocks - 1)))
