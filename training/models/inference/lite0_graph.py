"""`Lite0` as an ONNX model: the weights of now, batch norms folded into the convolutions.

It is written node by node, because torch's exporter takes seconds and two more packages for what is one kind of node fifty times over.
"""

from __future__ import annotations

from typing import Any

import onnx
import torch
from onnx import helper, numpy_helper

from samekind.training.models.pretrained.lite0_network import FEATURE_DIM, DepthwiseSeparable, Lite0, Norm, SameConv

IMAGES, FEATURE = "images", "feature"
_OPSET, _IR = 18, 10
_LOW, _HIGH = "zero", "six"


def lite0_graph(network: Lite0, normalisation: tuple[torch.Tensor, torch.Tensor] | None = None) -> bytes:
    """A serialised model of `(B, H, W, 3)` uint8 `IMAGES` to `(B, 1280)` float32 `FEATURE`.

    Args:
        network: as it is now.
        normalisation: mean and standard deviation of each channel, of pixels in [0, 1]. Without it `IMAGES` are `(B, 3, H, W)` float32 and
            normalised already.
    """
    graph = _Graph()
    x = IMAGES if normalisation is None else graph.normalised(IMAGES, *normalisation)
    x = graph.conv(x, network.conv_stem, network.bn1)
    for stage in network.blocks:
        for block in stage.children():
            x = graph.block(x, block)
    x = graph.add("GlobalAveragePool", graph.conv(x, network.conv_head, network.bn2))
    graph.nodes.append(helper.make_node("Flatten", [x], [FEATURE]))
    return graph.model(["batch", 3, "height", "width"] if normalisation is None else ["batch", "height", "width", 3])


class _Graph:
    """Nodes and weights so far. Methods take the name of a map `(B, C, H, W)` and return that of another."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self._weights: list[Any] = []
        self._weight(_LOW, torch.tensor(0.0))
        self._weight(_HIGH, torch.tensor(6.0))

    def normalised(self, x: str, mean: torch.Tensor, std: torch.Tensor) -> str:
        """Of mean 0 and variance 1. Bytes are brought into their order first: there is four times as much of floats."""
        x = self.add("Cast", self.add("Transpose", x, perm=[0, 3, 1, 2]), to=onnx.TensorProto.FLOAT)
        x = self.add("Sub", x, self._weight("mean", mean.reshape(3, 1, 1) * 255))
        return self.add("Mul", x, self._weight("scale", 1 / (std.reshape(3, 1, 1) * 255)))

    def block(self, x: str, block: Any) -> str:
        if isinstance(block, DepthwiseSeparable):
            return self.conv(self.conv(x, block.conv_dw, block.bn1), block.conv_pw, block.bn2)
        out = self.conv(self.conv(x, block.conv_pw, block.bn1), block.conv_dw, block.bn2)
        out = self.conv(out, block.conv_pwl, block.bn3)
        return self.add("Add", out, x) if block.has_shortcut else out

    def conv(self, x: str, conv: SameConv, norm: Norm) -> str:
        scale, shift = norm.scale_and_shift()
        number = len(self.nodes)
        weight = self._weight(f"weight-{number}", conv.weight * scale[:, None, None, None])
        bias = self._weight(f"bias-{number}", shift)
        # what `SameConv` pads is TensorFlow's, whom ONNX has this mode from
        shape = {"strides": conv.stride, "group": conv.groups, "auto_pad": "SAME_UPPER"}
        out = self.add("Conv", x, weight, bias, **shape)
        return self.add("Clip", out, _LOW, _HIGH) if norm.active else out

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        out = f"map-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def model(self, shape: list[str | int]) -> bytes:
        kind = onnx.TensorProto.FLOAT if shape[1] == 3 else onnx.TensorProto.UINT8
        images = helper.make_tensor_value_info(IMAGES, kind, shape)
        feature = helper.make_tensor_value_info(FEATURE, onnx.TensorProto.FLOAT, ["batch", FEATURE_DIM])
        graph = helper.make_graph(self.nodes, "lite0", [images], [feature], self._weights)
        opset = helper.make_opsetid("", _OPSET)
        stored: bytes = helper.make_model(graph, opset_imports=[opset], ir_version=_IR).SerializeToString()
        return stored

    def _weight(self, name: str, tensor: torch.Tensor) -> str:
        self._weights.append(numpy_helper.from_array(tensor.detach().contiguous().numpy(), name))
        return name
