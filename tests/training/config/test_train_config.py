"""Settings of a run: what is refused, what follows from what, and what makes another run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from samekind.core.errors import InputError
from samekind.training.config.objective import ObjectiveSettings
from samekind.training.config.presets import EPOCHS_BEFORE, PRESETS, implied_preset, preset
from samekind.training.config.schedule import ScheduleSettings
from samekind.training.config.train_config import TrainConfig, settings_that_count

# First 16 digits of the SHA-256 of `identity` as release 0.1 had it: its artefacts and unfinished runs are found by it. Presets had these
# epochs then; with steps, whose epochs nothing reads, the identity is today's, and `settings_that_count` finds the older one alike.
IDENTITIES: list[tuple[dict[str, Any], str]] = [
    ({"preset": "small", "epochs": 4}, "287070f5ed84e6dd"),
    ({"preset": "smoke", "epochs": 4, "seed": 3, "limit": 500}, "273423c38cfc8163"),
    ({"preset": "plain", "epochs": 5, "objective": "info_nce", "beta": 3.0, "temperature": 0.1}, "d98febbfe15e053e"),
    ({"preset": "full", "epochs": 100, "objective": "cpc", "cpc_context": "gru"}, "c82d46ac499046f2"),
    ({"preset": "smoke", "epochs": 4, "objective": "nce", "nce_form": "sigmoid"}, "ff60cbe34600db68"),
    (
        {"preset": "small", "epochs": 4, "treatment": "soft", "detector": "reciprocal", "neighbours": 0.02},
        "c31cbdd7c8a5bac8",
    ),
    (
        {"preset": "small", "epochs": 4, "treatment": "attract", "detector": "combined", "prior": 0.2},
        "3e171a27397018cc",
    ),
    (
        {
            "preset": "small",
            "epochs": 4,
            "treatment": "eliminate",
            "detector": "oracle",
            "detector_point": 0.3,
            "treatment_start": 0.3,
        },
        "86cf863e4fd83e36",
    ),
    (
        {
            "preset": "smoke",
            "epochs": 4,
            "treatment": "soft_attract",
            "detector": "quantile",
            "detector_point": 0.5,
            "tau_plus": 0.1,
        },
        "c3a44267cf5631fd",
    ),
    (
        {
            "preset": "smoke",
            "epochs": 4,
            "queue_size": 512,
            "key_momentum": 0.5,
            "effective_batch": 256,
            "batch_size": 64,
        },
        "53e62b7e1d3c1c26",
    ),
    (
        {
            "preset": "smoke",
            "epochs": 4,
            "objective": "hard",
            "beta": 2.0,
            "beta_end": 0.0,
            "workers": 2,
            "device": "cpu",
            "precision": "float32",
        },
        "be44c918886551f6",
    ),
    (
        {
            "preset": "smoke",
            "epochs": 4,
            "label_level": "fine",
            "confirmed": "drop",
            "image_size": 16,
            "strength": "light",
            "hold_out": 7,
            "steps": 9,
        },
        "18aab4cef87b007d",
    ),
    (
        {
            "preset": "small",
            "epochs": 4,
            "treatment": "soft",
            "detector": "guide",
            "guide": "somewhere",
            "guide_weights": "file",
        },
        "c7559039f3afc858",
    ),
    (
        {
            "preset": "small",
            "epochs": 4,
            "objective": "debiased",
            "tau_plus": 0.2,
            "backbone": "resnet-small",
            "whitening": 0.0,
            "embedding_dim": 0,
        },
        "7463ecefb05f1aa8",
    ),
]


def test_presets_take_overrides_and_ignore_none() -> None:
    """`None` keeps the preset's value, anything else replaces it."""
    assert preset("smoke", epochs=None, beta=0.5) == TrainConfig(**{**preset("smoke").to_dict(), "beta": 0.5})
    assert set(PRESETS) == {"smoke", "small", "plain", "full", "adapter"}


@pytest.mark.parametrize(
    "bad",
    [
        {"epochs": 0}, {"batch_size": 1}, {"temperature": 0.0}, {"temperature": float("nan")}, {"beta": -1.0}, {"tau_plus": 1.0},
        {"objective": "nope"}, {"device": "tpu"}, {"queue_size": 10}, {"limit": 1}, {"image_size": 4}, {"epochs": 2.5}, {"colour": 1},
        {"minutes": 0}, {"minutes": float("nan")},
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(bad: dict[str, object]) -> None:
    """One clear error that names the setting."""
    with pytest.raises(InputError, match=next(iter(bad))):
        preset("small", **bad)


@pytest.mark.parametrize("shape", [{"width": 8}, {"stem_stride": 2, "pool": 1}])
def test_the_shape_of_the_small_network_is_refused_for_a_pretrained_one(shape: dict[str, int]) -> None:
    """It would be ignored; with the small network, and where nothing is asked for, it stays."""
    for settings in ({"name": "adapter"}, {"name": "small", "backbone": "lite0", "train": "all"}):
        with pytest.raises(InputError, match=rf"{', '.join(shape)}: settings of resnet-small, .* lite0") as caught:
            preset(**settings, **shape)  # type: ignore[arg-type]
        assert "preset small" in caught.value.hint
    assert preset("small", **shape).width == shape.get("width", 32)
    assert preset("adapter", width=None).backbone == "lite0"


def test_a_preset_has_steps_until_another_length_is_asked_for() -> None:
    """Those of its epochs of Fashion-MNIST; epochs, steps or minutes replace them, and settings written down come to the same."""
    batches = {"smoke": 1800 // 128, "small": 55_000 // 256, "plain": 55_000 // 256, "full": 55_000 // 1024}
    assert {name: preset(name).steps for name in batches} == {n: EPOCHS_BEFORE[n] * batches[n] for n in batches}
    lengths = {"epochs": (3, None, None), "steps": (4, 9, None), "minutes": (4, None, 2.5)}
    for name, (epochs, steps, minutes) in lengths.items():
        config = preset("plain", **{name: {"epochs": 3, "steps": 9, "minutes": 2.5}[name]})
        assert (config.epochs, config.steps, config.minutes) == (epochs, steps, minutes)
        assert preset(**{"name": "plain", **{k: v for k, v in config.to_dict().items() if k != "preset"}}) == config
    assert preset("small", epochs=3, steps=9).identity == preset("small", steps=9).identity
    assert preset("small", minutes=3).identity != preset("small", minutes=4).identity
    with pytest.raises(InputError, match="not after both"):
        preset("small", steps=3, minutes=1)


def test_identity_leaves_out_what_does_not_change_the_result() -> None:
    """Another worker count or device is the same run."""
    assert preset("small", workers=3, device="cpu").identity == preset("small").identity
    assert preset("small", seed=1).identity != preset("small").identity


@pytest.mark.parametrize(
    ("chosen", "without_effect", "with_effect"),
    [
        ({"objective": "info_nce"}, {"beta": 3.0, "tau_plus": 0.3, "detector": "oracle", "neighbours": 0.2}, {"temperature": 0.5}),
        ({"objective": "hard"}, {"nce_form": "sigmoid", "key_momentum": 0.5}, {"beta": 3.0}),
        ({"objective": "nce"}, {"cpc_context": "gru", "prior": 0.3}, {"nce_form": "sigmoid"}),
        ({"treatment": "soft", "detector": "threshold"}, {"prior": 0.3, "neighbours": 0.2}, {"detector_point": 0.3}),
        ({"treatment": "soft", "detector": "oracle"}, {"detector_point": 0.3}, {"treatment_start": 0.3}),
        ({"queue_size": 512}, {"cpc_context": "gru"}, {"key_momentum": 0.5}),
        ({}, {"layer_decay": 1.0, "batch_norm": "moving", "ema": 0.0}, {"layer_decay": 0.9}),
        ({}, {"train": "all"}, {"train": "last-2"}),
        ({}, {"ema": 0.0}, {"ema": 0.9}),
        ({"backbone": "lite0"}, {"layer_decay": 0.5, "batch_norm": "frozen"}, {"crops": 2}),
        ({"backbone": "lite0", "train": "all"}, {"layer_decay": 0.75, "batch_norm": "frozen", "views": 3}, {"layer_decay": 0.5}),
        ({"backbone": "lite0", "train": "all"}, {"adapter_hidden": 3}, {"batch_norm": "moving"}),
        ({"backbone": "lite0", "train": "last-1"}, {"views": 3}, {"layer_decay": 1.0}),
    ],
)  # fmt: skip
def test_identity_leaves_out_what_nothing_reads(
    chosen: dict[str, Any], without_effect: dict[str, Any], with_effect: dict[str, Any]
) -> None:
    """A flag without effect is the same run; one with effect is another."""
    assert preset("small", **chosen, **without_effect).identity == preset("small", **chosen).identity
    assert preset("small", **chosen, **with_effect).identity != preset("small", **chosen).identity


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("all", 1.0, "moving", 0.5, None)),
        ({"backbone": "timm/resnet18@none"}, ("all", 1.0, "moving", 0.5, None)),
        ({"backbone": "lite0"}, ("adapter", 1.0, "moving", None, None)),
        ({"backbone": "lite0", "train": "all"}, ("all", 0.75, "frozen", None, None)),
        ({"backbone": "lite0", "train": "last-12"}, ("last-12", 0.75, "frozen", None, 12)),
        ({"backbone": "lite0", "train": "all", "layer_decay": 1.0, "batch_norm": "moving"}, ("all", 1.0, "moving", None, None)),
    ],
)  # fmt: skip
def test_pretrained_weights_are_trained_with_care(settings: dict[str, Any], expected: tuple[object, ...]) -> None:
    """Slower towards the input, statistics frozen, whitened by neighbours; from random weights and behind frozen ones all is as before."""
    config = TrainConfig(**settings)
    assert (config.train, config.layer_decay, config.batch_norm, config.whitening, config.last_blocks) == expected
    assert config.fine_tunes == (config.whitening is None and config.train != "adapter")


def test_the_preset_of_photos_has_a_rate_for_each_part_that_learns() -> None:
    """An adapter stays near the frozen space, blocks have further to go; what is asked for holds for both."""
    rates = {train: preset("adapter", train=train).learning_rate for train in (None, "adapter", "last-2", "all")}
    assert rates == {None: 1e-4, "adapter": 1e-4, "last-2": 1e-3, "all": 1e-3}
    assert preset("adapter", train="all", learning_rate=0.5).learning_rate == 0.5


@pytest.mark.parametrize("train", ["last", "last-", "last-0", "last-two", "last-1.5", "first-1", "3"])
def test_parts_to_train_that_are_none_are_refused(train: str) -> None:
    """With what there is."""
    with pytest.raises(InputError, match=f"unknown train '{train}'") as caught:
        TrainConfig(backbone="lite0", train=train)
    assert "last-2" in caught.value.hint


def test_random_weights_have_no_statistics_to_keep() -> None:
    """Frozen, their norms would be none."""
    with pytest.raises(InputError, match="frozen statistics need a pretrained backbone, resnet-small has none"):
        TrainConfig(batch_norm="frozen")


@pytest.mark.parametrize(("detector", "start"), [("reciprocal", 0.25), ("relation", 0.1), ("oracle", 0.1)])
def test_who_knows_before_the_encoder_starts_earlier(detector: str, start: float) -> None:
    """By default; what is asked for holds for all."""
    assert TrainConfig(treatment="soft", detector=detector).treatment_start == start
    assert TrainConfig(treatment="soft", detector=detector, treatment_start=0.4).treatment_start == 0.4


@pytest.mark.parametrize(("settings", "digest"), IDENTITIES)
def test_an_identity_is_what_it_was(settings: dict[str, Any], digest: str) -> None:
    """Runs of an older release are the runs of this one; also where a setting is not known there, which then had its default."""
    chosen = dict(settings)
    config = preset(chosen.pop("preset"), **chosen)
    assert _digest(config.identity) == digest
    assert _digest(settings_that_count(config.to_dict())) == digest
    older = {name: value for name, value in config.identity.items() if value != TrainConfig.defaults()[name]}
    assert settings_that_count(older) == older


def _digest(identity: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


def test_a_config_is_each_of_its_parts() -> None:
    """What takes a part takes a config; names are flat, checked in part and whole alike, and fixed."""
    config = TrainConfig(temperature=0.1, effective_batch=512)
    assert isinstance(config, ObjectiveSettings)
    assert isinstance(config, ScheduleSettings)
    assert (config.temperature, config.images_a_step) == (0.1, 512)
    assert replace(config, temperature=0.3).to_dict() == {**config.to_dict(), "temperature": 0.3}
    assert set(config.to_dict()) == {field.name for field in fields(config)} == set(TrainConfig.field_names())
    for part in (TrainConfig, ObjectiveSettings):
        with pytest.raises(InputError, match="temperature"):
            part(temperature=0.0)
    with pytest.raises(FrozenInstanceError):
        config.temperature = 0.3  # type: ignore[misc]


def test_settings_are_named() -> None:
    """The parts decide the order of the fields, so none may be given by its place."""
    with pytest.raises(TypeError, match="positional"):
        TrainConfig("smoke")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        ObjectiveSettings("nce")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("asked", "implied"),
    [
        ({}, None),
        ({"backbone": "resnet-small"}, "small"),
        ({"backbone": "timm/resnet18@none"}, "small"),
        ({"backbone": "lite0"}, "adapter"),
        ({"backbone": "timm/resnet18"}, "adapter"),
        ({"backbone": "open_clip/ViT-B-32@file.pt"}, "adapter"),
        ({"train": "adapter"}, "adapter"),
        ({"train": "last-2"}, "adapter"),
        ({"train": "last-2", "backbone": "resnet-small"}, "small"),
        ({"train": "all"}, None),
        ({"objective": "cpc"}, "small"),
        ({"objective": "hard", "backbone": None}, None),
    ],
)
def test_settings_imply_a_preset_where_they_can(asked: dict[str, object], implied: str | None) -> None:
    """A pretrained backbone gets an adapter, random weights are trained whole, and otherwise the images decide."""
    assert implied_preset(asked) == implied
