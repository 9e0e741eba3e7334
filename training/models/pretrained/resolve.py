"""One name, one encoder: what `--encoder`, `--backbone`, `--guide` and Python's arguments of these names stand for.

- `FOLDER`: the encoder of an artefact
- `lite0`: EfficientNet-Lite0 with ImageNet weights, installed by pip
- `timm/NAME`: a model of timm with its published weights, from the libraries' cache, or the hub if it answers
- `timm/NAME@FILE`: the same architecture with the weights of a file
- `open_clip/NAME@TAG`, `open_clip/NAME@FILE`: the image tower of an open_clip model
- `hf-hub:ORG/NAME`: a model of the Hugging Face hub that timm or open_clip can build
"""

from __future__ import annotations

from pathlib import Path

import safetensors.torch

from samekind.core.errors import InputError
from samekind.training.config.model import LITE0, names_model
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained import lite0


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
    encoder = _lite0(image_size) if text == LITE0 else _from_library(text, image_size)
    encoder.source = text.partition("@")[0]
    return encoder.eval()


def _lite0(image_size: int | None) -> Encoder:
    encoder = Encoder(lite0.lite0_spec(image_size))
    tensors = safetensors.torch.load_file(lite0.lite0_weights())
    encoder.backbone.load_state_dict({key: tensors[key] for key in encoder.backbone.state_dict()})
    return encoder


def _from_library(name: str, image_size: int | None) -> Encoder:
    """A model of timm or open_clip."""
    raise InputError(f"{name}: not yet")
