"""`lite0` in onnxruntime gives the features that it gives in torch, with the weights that it has now."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch

from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.inference import quick_backbone
from samekind.training.models.inference.quick_backbone import FEWEST, QuickBackbone
from samekind.training.models.pretrained.lite0_network import LITE0_BACKBONE, Lite0

SIDE = 33  # odd, so that TensorFlow's padding is uneven
_USUAL = (torch.full((3,), 0.5), torch.full((3,), 0.25))


def _random_encoder() -> Encoder:
    """An encoder whose batch norms do something, and whose features depend on the image."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderSpec(LITE0_BACKBONE, SIDE, 3, 0, (0.5, 0.4, 0.3), (0.25, 0.2, 0.3))).eval()
    for module in encoder.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.weight.data.mul_(2)  # as they come, what reaches the end of fifty layers is the same for all images
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            torch.nn.init.normal_(module.running_mean, 0.0, 0.1)
            torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0.5, 0.2)
    return encoder


@torch.no_grad()
def _in_torch(encoder: Encoder, images: np.ndarray) -> np.ndarray:
    features: np.ndarray = encoder.backbone(
        encoder.normalise(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    ).numpy()
    return features


def _images(count: int, side: int = SIDE) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("side", [32, 33, 47])
def test_the_features_are_torchs(side: int) -> None:
    """Whatever the size of the map is that a stride leaves over."""
    encoder, images = _random_encoder(), _images(2, side)
    quick = QuickBackbone().of(encoder.backbone, (encoder.get_buffer("mean"), encoder.get_buffer("std")), FEWEST)
    assert quick is not None
    expected = _in_torch(encoder, images)
    assert expected.std(0).mean() > 0.001
    np.testing.assert_allclose(quick(images), expected, atol=1e-4, rtol=1e-4)


def test_an_encoder_runs_many_images_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And few of them in torch, since a session has its price."""
    encoder, made, session = _random_encoder(), 0, quick_backbone._session

    def counted(*given: Any) -> Any:
        nonlocal made
        made += 1
        return session(*given)

    monkeypatch.setattr(quick_backbone, "_session", counted)
    few, many = _images(FEWEST - 1), _images(FEWEST + 5)
    np.testing.assert_array_equal(encoder.features(few[:1]), _in_torch(encoder, few[:1]))
    encoder.features(few)
    assert made == 0
    expected = _in_torch(encoder, many)
    monkeypatch.setattr(encoder.backbone, "forward", None)
    np.testing.assert_allclose(encoder.features(many), expected, atol=1e-4)
    encoder.embed(many)
    np.testing.assert_allclose(encoder.features(many[:1]), expected[:1], atol=1e-4, err_msg="the session is there")
    assert made == 1


def test_weights_that_change_are_seen() -> None:
    """Written in place as an optimiser does, and put in place of others."""
    encoder, images = _random_encoder(), _images(FEWEST)
    weight = encoder.backbone.get_parameter("conv_head.weight")
    before = encoder.features(images)
    with torch.no_grad():
        weight.mul_(1.5)
    changed = encoder.features(images)
    assert np.abs(changed - before).max() > 0.01
    np.testing.assert_allclose(changed, _in_torch(encoder, images), atol=1e-4)
    weight.data = weight.data * 2
    np.testing.assert_allclose(encoder.features(images), _in_torch(encoder, images), atol=1e-4)
    weight.data.mul_(0.5)  # which no version counter sees
    np.testing.assert_allclose(encoder.features(images), _in_torch(encoder, images), atol=1e-4)
    encoder.get_buffer("mean").mul_(0.5)  # which the session has in it, too
    np.testing.assert_allclose(encoder.features(images), _in_torch(encoder, images), atol=1e-4)


def test_weights_in_double_precision_and_those_made_for_inference() -> None:
    """The first stay with torch, since the model takes float32; the second count no versions."""
    network = Lite0().double().eval()
    assert QuickBackbone().of(network, _USUAL, 1000) is None
    with torch.inference_mode():
        assert QuickBackbone().of(Lite0().eval(), _USUAL, 1000) is not None


def test_an_encoder_that_has_run_can_be_copied() -> None:
    """A session cannot: the copy makes its own."""
    encoder, images = _random_encoder(), _images(FEWEST)
    expected = encoder.features(images)
    for copied in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder))):
        np.testing.assert_array_equal(copied.features(images), expected)


def test_other_backbones_and_machines_without_onnxruntime_stay_with_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is missed there but time."""
    network = Lite0().eval()
    assert QuickBackbone().of(network, _USUAL, 1000) is not None
    assert QuickBackbone().of(torch.nn.Identity(), _USUAL, 1000) is None
    monkeypatch.setattr(quick_backbone, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert QuickBackbone().of(network, _USUAL, 1000) is None


@pytest.mark.parametrize(
    "failure",
    [ImportError("libgomp.so.1: cannot open shared object file"), RuntimeError("Unsupported model IR version: 10")],
)
def test_packages_that_cannot_be_used_cost_time_only(failure: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that the system lacks, for example: the file of a package is there, and its import fails. Or an old one."""

    def broken(*given: Any) -> Any:
        raise failure

    monkeypatch.setattr(quick_backbone, "_session", broken)
    assert QuickBackbone().of(Lite0().eval(), _USUAL, 1000) is None
