"""One name, one encoder: what `--encoder`, `--backbone`, `--guide` and Python's arguments of these names stand for.

- `FOLDER`: the encoder of an artefact
- `lite0`: EfficientNet-Lite0 with ImageNet weights, installed by pip
- `timm/NAME`: a model of timm with its published weights, from the libraries' cache, or the hub if it answers
- `timm/NAME@FILE`: the same architecture with the weights of a file
- `open_clip/NAME@TAG`, `open_clip/NAME@FILE`: the image tower of an open_clip model
- `hf-hub:ORG/NAME`: a model of the Hugging Face hub that timm or open_clip can build
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.core.text import counted
from samekind.data.types.preprocessing import way_of_resizing
from samekind.training.config.model import LITE0, names_model
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.pretrained import lite0
from samekind.training.models.pretrained.checkpoints.checkpoint_file import load_weights
from samekind.training.models.pretrained.find_weights import find_weights, open_clip_tag
from samekind.training.models.pretrained.hub_models import HUB, hub_model
from samekind.training.models.pretrained.model_input import ModelInput
from samekind.training.models.pretrained.open_clip_models import open_clip_preprocessing
from samekind.training.models.pretrained.require_encoder import require_encoder
from samekind.training.models.pretrained.timm_models import timm_preprocessing


def weights_file(name: str) -> Path | None:
    """The file that a pretrained model's weights lie in; `None` for everything else.

    Raises:
        MissingDependencyError: it is not on this machine; the hint says which file to put where.
    """
    if not names_model(name):
        return None
    return lite0.lite0_weights() if name == LITE0 else find_weights(name)


def resolve_encoder(
    name: str | Path, image_size: int | None = None, progress: Progress | None = None, crops: int | None = None
) -> Encoder:
    """The encoder that a name stands for, ready to embed; a pretrained one has no whitening yet.

    Args:
        name: see the module's head.
        image_size: pixels a side instead of those that a pretrained model was trained for; an artefact keeps its own.
        progress: is told how much of a checkpoint was used.
        crops: of each image, 1 or 2 (`Preprocessing`); `None` stands for 1. An artefact keeps its own.

    Raises:
        InputError: the library knows no such model, it cannot take images of that size, the checkpoint is another model's, or an artefact
            has another number of crops.
        MissingDependencyError: the weights are not on this machine; the hint says which file to put where.
        ArtefactError: the artefact or checkpoint is missing or damaged.
    """
    text = str(name)
    if not names_model(text):
        require_encoder(name)
        encoder = Encoder.load(name)
        require_crops(encoder, crops, text)
        return encoder
    weights = weights_file(text)
    assert weights is not None
    encoder = Encoder(replace(pretrained_spec(text, image_size), crops=crops or 1))
    report = load_weights(encoder.backbone, weights)
    if progress is not None and text != LITE0:
        progress.print(f"{text}: {report.line}")
    model, _, chosen = text.partition("@")
    encoder.source = model if Path(chosen).is_file() else text
    return encoder.eval()


def require_crops(encoder: Encoder, crops: int | None, name: str) -> None:
    """Refuses another number of crops than an encoder was made with: its whitening was fitted to means of that many.

    Raises:
        InputError: `crops` is neither `None` nor its own.
    """
    own = encoder.spec.crops
    if crops not in (None, own):
        raise InputError(
            f"the encoder of {name} takes {counted(own, 'crop')} of an image and keeps to it, not {crops}",
            hint="name the pretrained model itself and another --out, or leave out --crops",
        )


def pretrained_spec(name: str, image_size: int | None = None) -> EncoderSpec:
    """The spec of a pretrained model: its architecture and its own preprocessing, no whitening.

    Raises:
        InputError, MissingDependencyError: as `resolve_encoder`.
    """
    if name == LITE0:
        return lite0.lite0_spec(image_size)
    backbone, expected = _library_model(name)
    return EncoderSpec(
        backbone=backbone,
        dim=0,
        resize=way_of_resizing(expected.interpolation),
        **{**asdict(expected), "image_size": image_size or expected.image_size},
    )


def _library_model(name: str) -> tuple[str, ModelInput]:
    """Architecture, as `build_backbone` takes it, and input of a model of timm, open_clip or the hub."""
    if name.startswith(HUB):
        model = hub_model(name)
        return model.backbone, model.expected
    backbone, _, chosen = name.partition("@")
    library, _, model_name = backbone.partition("/")
    if library == "timm":
        return backbone, timm_preprocessing(model_name)
    tag = "" if chosen and Path(chosen).is_file() else open_clip_tag(model_name, chosen)
    return backbone, open_clip_preprocessing(model_name, tag)
