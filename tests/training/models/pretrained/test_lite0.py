"""`lite0`: the weights that pip brings, in timm's architecture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from samekind.core.errors import MissingDependencyError
from samekind.training.models.pretrained import lite0
from samekind.training.models.pretrained.lite0_network import Lite0, Norm
from samekind.training.models.pretrained.resolve import resolve_encoder

ARCHITECTURE = "tf_efficientnet_lite0"


@pytest.fixture(scope="module")
def package_tensors() -> dict[str, torch.Tensor]:
    """The tensors as the package holds them, under its own names."""
    source = lite0._package_file()
    assert source is not None
    tensors: dict[str, torch.Tensor] = torch.load(source, weights_only=True)
    return tensors


def test_features_are_those_of_timms_own_forward(package_tensors: dict[str, torch.Tensor]) -> None:
    """timm's model with the package's tensors in their order, mean 127/255 and deviation 128/255, says the same of an image."""
    model: Any = timm.create_model(ARCHITECTURE, pretrained=False).eval()
    with torch.no_grad():
        for own, stored in zip(model.state_dict().values(), package_tensors.values(), strict=True):
            own.copy_(stored)
    images = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    normalised = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(normalised), pre_logits=True).numpy()
    encoder = resolve_encoder("lite0", image_size=64)
    assert encoder.feature_dim == encoder.dim == 1280
    np.testing.assert_allclose(encoder.features(images), expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize("size", [33, 64, 97, 224])
def test_the_network_is_timms(size: int) -> None:
    """The same tensors under the same names give the same numbers, odd sizes included, and leave the same running statistics."""
    torch.manual_seed(0)
    theirs, ours = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0), Lite0()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    images = torch.randn(2, 3, size, size)
    for mode in (False, True):
        theirs.train(mode)
        ours.train(mode)
        torch.testing.assert_close(ours(images), theirs(images), atol=1e-6, rtol=1e-5)
    for name, tensor in ours.state_dict().items():
        torch.testing.assert_close(tensor, theirs.state_dict()[name], msg=name)


@pytest.mark.parametrize("size", [33, 64])
def test_folding_batch_norms_changes_nothing(size: int) -> None:
    """Without gradients each batch norm is part of its convolution: the same features to 1e-5, also right after weights or statistics
    have changed. Where a batch decides the statistics, nothing is folded, and the running ones move.
    """
    torch.manual_seed(0)
    model, images = Lite0(), torch.randn(4, 3, size, size)
    for _ in range(2):
        model.train()
        model(images).sum().backward()
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, Norm):
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.uniform_(-0.5, 0.5)
            in_training = model(images)
        torch.testing.assert_close(in_training, model(images))
        model.eval()
        expected = model(images)
        with torch.no_grad():
            folded = model(images)
        assert not torch.equal(folded, expected), "it was not folded"
        assert (folded - expected).abs().max() < 1e-5 * expected.abs().max()
    model.train()
    before = model.bn2.running_mean.clone()  # type: ignore[union-attr]
    with torch.no_grad():
        model(images)
    assert not torch.equal(model.bn2.running_mean, before)  # type: ignore[arg-type]


def test_each_tensor_stands_under_the_name_of_its_kind(package_tensors: dict[str, torch.Tensor]) -> None:
    """The two list them in the same order: no bias became a running mean, and none was left over."""
    tensors = safetensors.torch.load_file(lite0.lite0_weights())
    names = list(timm.create_model(ARCHITECTURE, pretrained=False).state_dict())
    assert set(names) - set(tensors) == {"classifier.weight", "classifier.bias"}
    for name, (own, tensor) in zip(names[:-2], list(package_tensors.items())[:-2], strict=True):
        assert name.rpartition(".")[2] == own.rpartition(".")[2]
        assert torch.equal(tensors[name], tensor), name


def test_the_weights_are_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time the file in the cache is taken as it is; nothing half written is left beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = lite0.lite0_weights()
    assert path.is_relative_to(tmp_path)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    monkeypatch.setattr(lite0, "_renamed", None)
    assert lite0.lite0_weights() == path


def test_a_file_in_the_cache_that_is_damaged_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that was full must not keep `lite0` from working for ever."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = lite0.lite0_weights()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    resolve_encoder("lite0", image_size=64)
    assert path.read_bytes() == whole


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the extra, and the hint another way."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(lite0, "_PACKAGE", "a_package_that_is_not_there")
    assert not lite0.is_installed()
    with pytest.raises(MissingDependencyError, match="weights of lite0 are not installed") as caught:
        resolve_encoder("lite0")
    assert "samekind[lite]" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"no pickle", None])
def test_a_damaged_package_is_one_line(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty file, one of other bytes, and tensors of another model."""
    source = tmp_path / "weights.pth"
    if content is None:
        torch.save({"a": torch.zeros(3)}, source)
    else:
        source.write_bytes(content)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(lite0, "_package_file", lambda: source)
    with pytest.raises(MissingDependencyError, match=r"weights of lite0|does not fit") as caught:
        lite0.lite0_weights()
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("cache/**/*.safetensors"))
