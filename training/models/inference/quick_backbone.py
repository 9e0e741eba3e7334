"""A backbone that looks at many images on a CPU: `lite0` runs in onnxruntime where that is installed, everything else as it is.

onnxruntime gives `lite0`'s features to 1e-5 in 0.6 of the time (docs/decisions/0032). A session is made of the weights as they are, and
again once they have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock
from typing import Any

import torch
from torch import Tensor, nn

from samekind.training.models.pretrained.lite0_network import Lite0

FEWEST = 16
"""Images that are worth a session, which takes as long as six of them take without it."""
_PACKAGES = ("onnx", "onnxruntime")


class QuickBackbone:
    """Remembers the session of one backbone. A copy of it remembers none: a session cannot be copied."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made_of: list[int] = []
        self._session: Any = None

    def __reduce__(self) -> tuple[type[QuickBackbone], tuple[()]]:
        return QuickBackbone, ()

    def of(self, backbone: nn.Module, images: int) -> Callable[[Tensor], Tensor]:
        """What to call in place of a backbone that is evaluated, without gradients, for that many images in all.

        Args:
            backbone: takes `(B, C, S, S)` float32.
            images: fewer than `FEWEST` run in a session only if there is one of these weights. For other backbones than `lite0`
                in float32 on a CPU it is the backbone itself.
        """
        if not isinstance(backbone, Lite0) or not _is_usual(backbone.conv_stem.weight):
            return backbone
        if any(find_spec(name) is None for name in _PACKAGES):
            return backbone
        with self._lock:
            if self._session is None and images < FEWEST:
                return backbone
            made_of = _sums(backbone)
            if self._session is None or made_of != self._made_of:
                if images < FEWEST:
                    return backbone
                try:
                    self._session, self._made_of = _session(backbone), made_of
                except Exception:  # noqa: BLE001 - packages that cannot be loaded, or are too old for the model, cost time and no vectors
                    return backbone
            return _runs(self._session)


def _is_usual(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32


def _sums(backbone: Lite0) -> list[int]:
    """What tells weights from those before: the sum of each tensor's bits.

    Addresses and version counters would not do: writing through `.data` counts no version up, and a freed address is taken again.
    """
    tensors = (tensor for tensor in backbone.state_dict().values() if tensor.dtype == torch.float32)
    return [int(tensor.view(torch.int32).sum(dtype=torch.int64)) for tensor in tensors]


def _session(backbone: Lite0) -> Any:
    import onnxruntime

    from samekind.training.models.inference.lite0_graph import lite0_graph

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the caller runs several batches side by side
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(lite0_graph(backbone), options, providers=["CPUExecutionProvider"])


def _runs(session: Any) -> Callable[[Tensor], Tensor]:
    def run(images_BCHW: Tensor) -> Tensor:
        name = session.get_inputs()[0].name
        return torch.from_numpy(session.run(None, {name: images_BCHW.contiguous().numpy()})[0])

    return run
