"""Image towers of open_clip: architectures with random weights, and the input that the published weights were trained for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import nn

from samekind.core.errors import InputError
from samekind.training.models.pretrained.image_sizes import REFUSALS, size_error
from samekind.training.models.pretrained.model_input import ModelInput, known_interpolation
from samekind.training.models.pretrained.tower import ImageTower, answer


def build_open_clip(name: str, *, image_size: int) -> nn.Module:
    """The image tower of a model of open_clip with random weights: `(B, 1 or 3, image_size, image_size)` to `(B, D)` features.

    D is the dimension that images and texts share. The text tower is not built.

    Args:
        name: of `open_clip.list_models()`.
        image_size: pixels a side.

    Raises:
        InputError: open_clip knows no such model, or it takes no images of this size; the message says which.
    """
    build = partial(_tower, model_config(name))
    try:
        return build(image_size)
    except REFUSALS as error:
        refused = size_error(f"open_clip/{name}", image_size, open_clip_preprocessing(name).image_size, build)
        if refused is None:
            refused = InputError(f"open_clip/{name} cannot be built: {error}", hint="take another model")
        raise refused from error


def open_clip_preprocessing(name: str, tag: str = "") -> ModelInput:
    """The input that a model's weights were trained for.

    Args:
        name: of `open_clip.list_models()`.
        tag: of its weights, as in `open_clip.list_pretrained()`; anything else (a file, nothing) means those that most tags of the model
            agree on.

    Raises:
        InputError: open_clip knows no such model.
    """
    import open_clip

    size = model_config(name)["vision_cfg"].get("image_size", 224)
    tags = open_clip.list_pretrained_tags_by_model(name)
    inputs = [
        input_of_config(open_clip.get_pretrained_cfg(name, each), size) for each in ([tag] if tag in tags else tags)
    ]
    return max(inputs, key=inputs.count) if inputs else input_of_config({}, size)


def input_of_config(preprocess: Mapping[str, Any], image_size: int | Sequence[int]) -> ModelInput:
    """The input that a `preprocess_cfg` of open_clip describes; what it leaves out has open_clip's defaults."""
    from open_clip.transform import PreprocessCfg

    default = PreprocessCfg()
    values = {
        key: preprocess.get(key) or getattr(default, key) for key in ("mean", "std", "interpolation", "resize_mode")
    }
    return ModelInput(
        image_size=image_size if isinstance(image_size, int) else int(image_size[0]),
        channels=3,
        mean=tuple(map(float, values["mean"])),
        std=tuple(map(float, values["std"])),
        interpolation=known_interpolation(values["interpolation"]),
        crop=1.0 if values["resize_mode"] == "shortest" else 0.0,  # `longest` pads; squashing loses nothing either
    )


def model_config(name: str) -> dict[str, Any]:
    """A copy of open_clip's configuration of a model.

    Raises:
        InputError: open_clip knows no such model.
    """
    import open_clip

    if name not in open_clip.list_models():
        raise InputError(
            f"open_clip knows no model {name!r}", hint="e.g. open_clip/ViT-B-32; see open_clip.list_models()"
        )
    config: dict[str, Any] = open_clip.get_model_config(name)
    return config


def _tower(config: Mapping[str, Any], image_size: int) -> ImageTower:
    """The tower alone, asked for a feature once: `open_clip.create_model` would build the text tower too, and some of those ask a hub."""
    from open_clip.model import _build_vision_tower

    vision = {**config["vision_cfg"], "image_size": image_size, "timm_model_pretrained": False}
    tower = _build_vision_tower(config["embed_dim"], vision, quick_gelu=config.get("quick_gelu", False))
    if hasattr(tower, "set_input_size"):
        tower.set_input_size(image_size)
    backbone = ImageTower(tower)
    answer(backbone, image_size, 3)
    return backbone


def name_of_config(config: Mapping[str, Any]) -> str | None:
    """The name of the model of open_clip with this configuration, or with the same image tower; None if there is none."""
    import open_clip

    def tower(of: Mapping[str, Any]) -> list[Any]:
        return [of["embed_dim"], of["vision_cfg"], bool(of.get("quick_gelu", False))]

    same = [name for name in open_clip.list_models() if tower(model_config(name)) == tower(config)]
    whole = [name for name in same if model_config(name)["text_cfg"] == config.get("text_cfg")]
    return next(iter(whole or same), None)
