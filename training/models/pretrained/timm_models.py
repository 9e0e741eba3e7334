"""Models of timm: architectures with random weights, and the input that their published weights were trained for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from samekind.core.errors import InputError
from samekind.training.models.pretrained.image_sizes import REFUSALS, size_error, takes
from samekind.training.models.pretrained.model_input import ModelInput, known_interpolation
from samekind.training.models.pretrained.tower import ImageTower, answer, returns_features


def build_timm(name: str, *, image_size: int, channels: int) -> nn.Module:
    """A model of timm without its classifier and with random weights: `(B, channels, image_size, image_size)` to `(B, D)` features.

    Args:
        name: of `timm.list_models()`, with or without the tag of its weights (`resnet18`, `resnet18.a1_in1k`).
        image_size: pixels a side; the model is built for this size where its constructor can.
        channels: of the image, 1 or 3. A model that is for RGB only gets grey images repeated.

    Raises:
        InputError: timm knows no such model, or it takes no images of this size; the message says which.
    """
    require_known(name)
    try:
        return _build(name, image_size, channels)
    except REFUSALS as error:
        ask = _asker(name)
        if channels == 1 and takes(ask, image_size):
            return ImageTower(_build(name, image_size, 3))
        refused = size_error(f"timm/{name}", image_size, timm_preprocessing(name).image_size, ask)
        if refused is None:
            refused = InputError(f"timm/{name} cannot be built: {_first_line(error)}", hint="take another model")
        raise refused from error


def timm_preprocessing(name: str) -> ModelInput:
    """The input that the published weights of a model were trained for; of timm's defaults if there are none.

    Raises:
        InputError: timm knows no such model.
    """
    require_known(name)
    return input_of_config(vars(published(name)))


def input_of_config(pretrained: Mapping[str, Any]) -> ModelInput:
    """The input that a `pretrained_cfg` of timm describes; what it leaves out has timm's defaults."""
    import timm.data

    data: Any = timm.data
    values = data.resolve_data_config(pretrained_cfg=dict(pretrained))
    return ModelInput(
        image_size=int(values["input_size"][-1]),
        channels=3,
        mean=tuple(map(float, values["mean"])),
        std=tuple(map(float, values["std"])),
        interpolation=known_interpolation(values["interpolation"]),
        crop=0.0 if values["crop_mode"] == "squash" else min(float(values["crop_pct"]), 1.0),
    )


def _build(name: str, image_size: int, channels: int) -> nn.Module:
    """The model, asked for a feature once; one that returns tokens or maps is averaged."""
    with warnings.catch_warnings(
        action="ignore"
    ):  # of models that are meant for RGB: here it is seen whether they work
        model = _create(name, image_size, channels)
        output = answer(model, image_size, channels)
    return model if returns_features(output) else ImageTower(model)


def _asker(name: str) -> Callable[[int], object]:
    """Asks the model for a feature of an RGB image of a size; it is built once if its constructor takes no size, else for each."""
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            _constructor(name, 3)(img_size=timm_preprocessing(name).image_size)
    except TypeError:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            return partial(answer, _constructor(name, 3)(), channels=3)
    return partial(_build, name, channels=3)


def _create(name: str, image_size: int, channels: int) -> nn.Module:
    """The model, for images of a size if its constructor takes one: no list of names knows that, its signature does."""
    create = _constructor(name, channels)
    try:
        return create(img_size=image_size)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
    return create()


def _constructor(name: str, channels: int) -> Callable[..., nn.Module]:
    import timm

    return partial(timm.create_model, name, pretrained=False, num_classes=0, in_chans=channels)


def published(name: str) -> Any:
    """timm's record of the weights of a model (a `PretrainedCfg`), with nothing but defaults if there are none."""
    import timm
    from timm.models import PretrainedCfg

    return timm.get_pretrained_cfg(name) or PretrainedCfg()


def require_known(name: str) -> None:
    """Raises `InputError`, with models near that name, if timm has none of it."""
    import timm

    if not timm.is_model(name):
        close = ", ".join(timm.list_models(f"{name[:6]}*")[:5])
        raise InputError(
            f"timm knows no model {name!r}", hint=f"near that name: {close}" if close else "see timm.list_models()"
        )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
