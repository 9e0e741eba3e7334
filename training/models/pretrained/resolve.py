"""One name, one encoder: what `--encoder`, `--backbone`, `--guide` and Python's arguments of these names stand for.

- `FOLDER`: the encoder of an artefact
- `lite0`: EfficientNet-Lite0 with ImageNet weights, installed by pip
- `timm/NAME`: a model of timm with its published weights, from the libraries' cache, or the hub if it answers
- `timm/NAME@FILE`: the same architecture with the weights of a file
- `open_clip/NAME@TAG`, `open_clip/NAME@FILE`: the image tower of an open_clip model
- `hf-hub:ORG/NAME`: a model of the Hugging Face hub that timm or open_clip can build
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import safetensors.torch
from torch import nn

from samekind.core.errors import MissingDependencyError
from samekind.training.config.model import LITE0, names_model
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.pretrained import lite0


def weights_file(name: str) -> Path | None:
    """The file that a pretrained model's weights lie in; `None` for everything else.

    Raises:
        MissingDependencyError: it is not on this machine; the hint says which file to put where.
    """
    if not names_model(name):
        return None
    return lite0.lite0_weights() if name == LITE0 else find_weights(name)


def resolve_encoder(name: str | Path, image_size: int | None = None) -> Encoder:
    """The encoder that a name stands for, ready to embed; a pretrained one has no whitening yet.

    Args:
        name: see the module's head.
        image_size: pixels a side instead of those that a pretrained model was trained for; an artefact keeps its own.

    Raises:
        InputError: the library knows no such model, or it cannot take images of that size.
        MissingDependencyError: the weights are not on this machine; the hint says which file to put where.
        ArtefactError: the artefact is missing or damaged.
    """
    text = str(name)
    if not names_model(text):
        return Encoder.load(name)
    weights = weights_file(text)
    assert weights is not None
    encoder = Encoder(lite0.lite0_spec(image_size) if text == LITE0 else library_spec(text, image_size))
    load_weights(encoder.backbone, weights)
    encoder.source = text.partition("@")[0]
    return encoder.eval()


def find_weights(name: str) -> Path:
    """The file that the name gives."""
    model, _, given = name.partition("@")
    path = Path(given)
    if not given or not path.is_file():
        what = f"no checkpoint at {path}" if given else f"{model} needs a checkpoint on this disk"
        raise MissingDependencyError(what, hint=f"put the weights of {model} into a file and name it: {model}@FILE")
    return path


def library_spec(name: str, image_size: int | None) -> EncoderSpec:
    """The spec of a library's model."""
    return replace(lite0.lite0_spec(image_size), backbone=name.partition("@")[0])


def load_weights(backbone: nn.Module, path: Path) -> None:
    """Loads a safetensors file whose names are the backbone's."""
    tensors = safetensors.torch.load_file(path)
    backbone.load_state_dict({key: tensors[key] for key in backbone.state_dict()})
