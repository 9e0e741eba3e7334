"""A backbone that looks at many images on a CPU: `lite0` runs in onnxruntime where that is installed, everything else as it is.

onnxruntime gives `lite0`'s features to 1e-5 in 0.6 of the time (docs/decisions/0032). A session is made of the weights as they are, and
again once they have changed; what images are normalised by is part of it, for in a graph that costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from threading import Lock
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from samekind.data.types.images import Pixels
from samekind.training.models.pretrained.lite0_network import Lite0

Quick = Callable[[Pixels], Tensor]

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

    def of(self, backbone: nn.Module, normalisation: tuple[Tensor, Tensor], images: int) -> Quick | None:
        """What takes images to their features in place of normalising and a backbone that is evaluated, without gradients.

        Args:
            backbone: of the encoder.
            normalisation: mean and standard deviation of each channel, of pixels in [0, 1].
            images: in all; fewer than `FEWEST` run in a session only if there is one of these weights.

        Returns:
            From `(B, S, S, C)` uint8 to `(B, F)` float32. `None` for other backbones than `lite0` in float32 on a CPU.
        """
        if not isinstance(backbone, Lite0) or not _is_usual(backbone.conv_stem.weight):
            return None
        if any(find_spec(name) is None for name in _PACKAGES):
            return None
        with self._lock:
            if self._session is None and images < FEWEST:
                return None
            made_of = _sums(*backbone.parameters(), *backbone.buffers(), *normalisation)
            if self._session is None or made_of != self._made_of:
                if images < FEWEST:
                    return None
                try:
                    self._session, self._made_of = _session(backbone, normalisation), made_of
                except Exception:  # noqa: BLE001 - packages that cannot be loaded, or are too old for the model, cost time and no vectors
                    return None
            return _runs(self._session)


def _is_usual(weight: Tensor) -> bool:
    return weight.device.type == "cpu" and weight.dtype == torch.float32


def _sums(*tensors: Tensor) -> list[int]:
    """What tells weights from those before: the sum of each tensor's bits.

    Addresses and version counters would not do: writing through `.data` counts no version up, and a freed address is taken again.
    """
    flat = (tensor.detach().numpy().ravel(order="K") for tensor in tensors if tensor.dtype == torch.float32)
    # by eight bytes, which is a third of the time that four take
    return [int(values.view(np.int32 if values.size % 2 else np.int64).sum(dtype=np.int64)) for values in flat]


def _session(backbone: Lite0, normalisation: tuple[Tensor, Tensor] | None = None) -> Any:
    import onnxruntime

    from samekind.training.models.inference.lite0_graph import lite0_graph

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # the caller runs several batches side by side
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        lite0_graph(backbone, normalisation), options, providers=["CPUExecutionProvider"]
    )


def _runs(session: Any) -> Quick:
    name = session.get_inputs()[0].name

    def run(images_BSSC: Pixels) -> Tensor:
        return torch.from_numpy(session.run(None, {name: np.ascontiguousarray(images_BSSC)})[0])

    return run
