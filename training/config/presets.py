"""Presets: functions that return the settings in which they differ from `TrainConfig`'s defaults; overrides replace single ones.

Their length is a number of steps, so that a small corpus is trained as long as a large one: 56, 856, 1,070 and 5,300 are 4, 4, 5 and 100
epochs of Fashion-MNIST, as which they began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from samekind.core.errors import InputError
from samekind.training.config.model import LITE0, PATCHES, SHAPES, SMALL, names_model, trains_last
from samekind.training.config.train_config import WITHOUT_TREATMENT, TrainConfig


def smoke(**overrides: Any) -> TrainConfig:
    """Proves that everything runs: at most 25 s on up to 2,000 images with two cores."""
    differing = {"steps": 56, "batch_size": 128, "width": 16, "projector_hidden": 256, "limit": 2000}
    return _config("smoke", differing, overrides)


def small(**overrides: Any) -> TrainConfig:
    """The default: a good encoder for small images in under eight minutes on two cores."""
    return _config("small", {"steps": 856}, overrides)


def plain(**overrides: Any) -> TrainConfig:
    """For comparing objectives: `small` without spatial feature and whitening, which lift all of them and hide what tells them apart."""
    return _config("plain", {"steps": 1070, "pool": 1, "whitening": 0.0}, overrides)


def full(**overrides: Any) -> TrainConfig:
    """For a GPU: a wider network, larger batches, a long schedule."""
    schedule = {"steps": 5300, "batch_size": 1024, "learning_rate": 3e-3}
    model = {"width": 64, "stem_stride": 1, "projector_hidden": 2048}
    return _config("full", {**schedule, **model}, overrides)


def adapter(**overrides: Any) -> TrainConfig:
    """For photos: a small network behind a pretrained backbone, trained on cached features in seconds once these are there. Blocks of the
    backbone itself (`train`) learn faster: docs/decisions/0018.
    """
    fine_tunes = overrides.get("train") not in (None, "adapter")
    schedule = {"learning_rate": 1e-3 if fine_tunes else 1e-4, "epochs": 20}
    model = {"backbone": LITE0, "projector_dim": 0, "views": 4, "strength": "medium"}
    loss = {"objective": "info_nce", "temperature": 0.1}
    false_negatives: dict[str, Any] = {
        "treatment": "attract_likely",
        "detector": "neighbourhood",
        "treatment_start": 0.0,
    }
    if overrides.get("objective") in WITHOUT_TREATMENT:
        false_negatives = {}
    return _config("adapter", {**schedule, **model, **loss, **false_negatives}, overrides)


def _config(name: str, differing: Mapping[str, Any], overrides: Mapping[str, Any]) -> TrainConfig:
    """A length that is asked for in whatever unit replaces the preset's steps."""
    length = {"steps": None} if {"epochs", "minutes"} & overrides.keys() else {}
    return TrainConfig(**{"preset": name, **differing, **length, **overrides})


ANSWERED_RATE = 3e-4
"""Learning rate of an adapter that is trained with answers; chosen on training splits (docs/decisions/0026)."""
EPOCHS_BEFORE = {"smoke": 4, "small": 4, "plain": 5, "full": 100}
"""Lengths of the presets in release 0.1, in epochs of the corpus at hand."""
_PRESETS: dict[str, Callable[..., TrainConfig]] = {
    "smoke": smoke,
    "small": small,
    "plain": plain,
    "full": full,
    "adapter": adapter,
}
PRESETS = tuple(_PRESETS)


def preset(name: str = "small", **overrides: Any) -> TrainConfig:
    """A preset with some settings replaced.

    Args:
        name: one of `PRESETS`.
        **overrides: fields of `TrainConfig`; `None` keeps the preset's value.

    Raises:
        InputError: an unknown preset or field, a value out of range, or a shape of `resnet-small` for another architecture.
    """
    if name not in _PRESETS:
        raise InputError(f"unknown preset {name!r}", hint=f"choose one of {', '.join(PRESETS)}")
    known = TrainConfig.field_names()
    unknown = sorted(set(overrides).difference(known))
    if unknown:
        raise InputError(f"unknown setting {unknown[0]!r}", hint=f"settings are {', '.join(known)}")
    given = {key: value for key, value in overrides.items() if value is not None}
    config = _PRESETS[name](**given)
    if config.backbone not in (SMALL, PATCHES) and (shapes := [key for key in SHAPES if key in given]):
        raise InputError(
            f"{', '.join(shapes)}: settings of {SMALL}, and the backbone is {config.backbone}",
            hint=f"leave {'it' if len(shapes) == 1 else 'them'} out, or train {SMALL} with the preset small",
        )
    return config


def with_answers(name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides of a preset for a run with answers: an adapter learns faster from them, unless a rate is asked for.

    Args:
        name: of the preset.
        overrides: as `preset` takes them.
    """
    is_adapter = name == "adapter" and overrides.get("train") in (None, "adapter")
    asked = overrides.get("learning_rate")
    return {**overrides, "learning_rate": ANSWERED_RATE if asked is None and is_adapter else asked}


def implied_preset(overrides: Mapping[str, Any]) -> str | None:
    """The preset that these settings are made for, where none is named; `None` where the images decide."""
    backbone = overrides.get("backbone")
    train = overrides.get("train")
    is_for_adapters = trains_last(train) or overrides.get("start_from") is not None
    if names_model(backbone or "") or train == "adapter" or (backbone is None and is_for_adapters):
        return "adapter"
    return None if backbone is None and overrides.get("objective") != "cpc" else "small"


def preset_differences() -> dict[str, tuple[Any, ...]]:
    """The settings in which presets differ, with their values in all of `PRESETS`, for help and docs; `None` for epochs beside steps."""
    every = [{**(of := preset(name).to_dict()), "epochs": None if of["steps"] else of["epochs"]} for name in PRESETS]
    return {
        name: tuple(settings[name] for settings in every)
        for name in TrainConfig.field_names()
        if name != "preset" and len({settings[name] for settings in every}) > 1
    }


def preset_agreements() -> dict[str, Any]:
    """The settings that are the same in all presets; those that a run has only if asked for are left out."""
    differing = preset_differences()
    chosen = {name: value for name, value in preset().to_dict().items() if name not in (*differing, "preset")}
    return {name: value for name, value in chosen.items() if value not in (None, "")}
