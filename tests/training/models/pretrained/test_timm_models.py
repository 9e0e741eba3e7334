"""timm's zoo as backbones: sizes, channels, features, and what a family does not take."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch

from samekind.core.errors import InputError
from samekind.training.models.pretrained.checkpoints.checkpoint_file import load_weights
from samekind.training.models.pretrained.timm_models import build_timm, timm_preprocessing
from samekind.training.models.pretrained.tower import ImageTower, feature_dim
from tests.training.models.pretrained.families import LARGE, SMALLEST, families

PARTS = 12


def takes_a_step(name: str, size: int, channels: int) -> str:
    """Builds a model and takes one gradient step; returns the line of refusal, or nothing."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's models may warn
        backbone, refused = None, None
        try:
            backbone = build_timm(name, image_size=size, channels=channels)
        except InputError as error:
            refused = error
        if backbone is None:
            assert refused is not None
            assert refused.hint.startswith("--image-size "), f"{name}: {refused}"
            return str(refused)
        optimiser = torch.optim.SGD(backbone.parameters(), lr=1e-3)
        feature = backbone.train()(torch.randn(2, channels, size, size))
        assert feature.shape == (2, feature_dim(backbone, size, channels)), name
        feature.square().mean().backward()
        assert any(parameter.grad is not None and parameter.grad.any() for parameter in backbone.parameters()), name
        optimiser.step()
    return ""


@pytest.mark.parametrize(
    "module", ["byobnet", "convnext", "efficientnet", "mambaout", "nfnet", "resnet", "vision_transformer", "maxxvit"]
)
@pytest.mark.parametrize(("size", "channels"), [(64, 3), (96, 1)])
def test_a_model_of_a_family_takes_a_step(module: str, size: int, channels: int) -> None:
    """Convolutions, normaliser-free, attention, mixtures: built at a size that is not their own, for grey and for RGB, and trained."""
    assert takes_a_step(SMALLEST[module], size, channels) == ""


@pytest.mark.slow
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.long) for part in range(1, PARTS))])
def test_every_family_takes_a_step_or_says_which_size_it_takes(part: int) -> None:
    """timm's whole zoo in parts, one small member a family, at 64 px RGB and 224 px grey."""
    refused = {}
    for module, name in sorted(families().items())[part::PARTS]:
        for size, channels in ((64, 3), (224, 1)):
            if size == 224 and module in LARGE:
                continue
            if said := takes_a_step(name, size, channels):
                refused[module, size] = said
    assert len(families()) >= 90
    assert {module for module, _ in refused} <= REFUSE, refused


REFUSE = {
    "byoanet",
    "crossvit",
    "deepseek_vit",
    "efficientformer",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
}
"""Families that take neither or only one of 64 and 224 px."""


@pytest.mark.parametrize(
    ("name", "size", "said", "hint"),
    [
        ("test_convnext", 28, "timm/test_convnext takes images of at least 32 px, got 28", "--image-size 32"),
        ("test_vit", 100, "timm/test_vit takes images of 112 px, got 100", "--image-size 112"),
    ],
)
def test_a_size_that_a_model_does_not_take_is_named(name: str, size: int, said: str, hint: str) -> None:
    """The smallest size from which on it takes everything, or the next one that it takes; and the hinted size works."""
    with pytest.raises(InputError) as caught:
        build_timm(name, image_size=size, channels=1)
    assert str(caught.value) == said
    assert caught.value.hint == hint
    build_timm(name, image_size=int(hint.split()[1]), channels=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("inception_v3", 64, "timm/inception_v3 takes images of at least 75 px, got 64"),
        ("dla46x_c", 28, "timm/dla46x_c takes images of 32 px, got 28"),
        ("vgg11", 28, "timm/vgg11 takes images of at least 32 px, got 28"),
        ("efficientformer_l1", 64, "timm/efficientformer_l1 takes images of 224 px, got 64"),
        ("crossvit_tiny_240", 224, "timm/crossvit_tiny_240 takes images of 240 px, got 224"),
    ],
)
def test_large_models_name_their_sizes_too(name: str, size: int, said: str) -> None:
    """The first error that a user of these models meets."""
    with pytest.raises(InputError) as caught:
        build_timm(name, image_size=size, channels=3)
    assert str(caught.value) == said


@pytest.mark.slow
def test_models_for_rgb_only_get_grey_images_repeated() -> None:
    """A network that cannot be built for one channel gives a grey image the feature of the grey RGB image."""
    torch.manual_seed(0)
    backbone = build_timm("csatv2", image_size=64, channels=1).eval()
    assert isinstance(backbone, ImageTower)
    grey = torch.rand(1, 1, 64, 64)
    torch.testing.assert_close(backbone(grey), backbone.tower(grey.expand(-1, 3, -1, -1)))


def test_an_unknown_model_is_named_with_its_neighbours() -> None:
    """A slip of the finger meets models that begin alike."""
    with pytest.raises(InputError, match="timm knows no model 'resnet1'") as caught:
        build_timm("resnet1", image_size=64, channels=3)
    assert "resnet" in caught.value.hint


def test_the_preprocessing_is_the_one_of_the_weights() -> None:
    """Size, crop, filter, mean and standard deviation of timm's configuration, of the tag that is asked for; squashing is crop 0."""
    lite = timm_preprocessing("tf_efficientnet_lite0")
    assert (lite.image_size, lite.channels, lite.crop, lite.interpolation) == (224, 3, 0.875, "bicubic")
    assert timm_preprocessing("vit_base_patch16_224.augreg_in21k").mean == (0.5, 0.5, 0.5)
    assert timm_preprocessing("inception_v3").image_size == 299
    assert timm_preprocessing("convnextv2_huge").crop == 0.0
    assert timm_preprocessing("test_vit").image_size == 160
    with pytest.raises(InputError, match="timm knows no model"):
        timm_preprocessing("nope")


@pytest.mark.parametrize("name", ["test_vit", "test_vit4", "test_convnext", "test_nfnet"])
def test_weights_of_one_size_serve_another(name: str, tmp_path: Path) -> None:
    """A whole classifier's file at 160 px fills the backbone at 96 px; at 160 px both give the same features."""
    torch.manual_seed(0)
    source: Any = timm.create_model(name).eval()
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(source.state_dict(), path)
    same = build_timm(name, image_size=160, channels=3).eval()
    assert not load_weights(same, path).missing
    source.reset_classifier(0)
    image = torch.rand(1, 3, 160, 160)
    torch.testing.assert_close(same(image), source(image))
    smaller = build_timm(name, image_size=96, channels=1).eval()
    assert "of a classifier left out" in load_weights(smaller, path).line
    assert smaller(image[:, :1, :96, :96]).isfinite().all()


def test_position_embeddings_are_interpolated_as_timm_does(tmp_path: Path) -> None:
    """`set_input_size` of timm on a model with the weights, and our loading into a model of that size: the same."""
    torch.manual_seed(0)
    source: Any = timm.create_model("test_vit", num_classes=0).eval()
    torch.nn.init.normal_(source.pos_embed)
    torch.save({"state_dict": source.state_dict()}, tmp_path / "vit.pt")
    backbone = build_timm("test_vit", image_size=96, channels=3).eval()
    load_weights(backbone, tmp_path / "vit.pt")
    source.set_input_size(img_size=96)
    image = torch.rand(1, 3, 96, 96)
    torch.testing.assert_close(backbone(image), source(image))


def test_original_names_are_translated_by_timms_filter(tmp_path: Path) -> None:
    """ConvNeXt under the names of its authors' release, in their wrapper."""
    torch.manual_seed(0)
    source = timm.create_model("test_convnext", num_classes=0)
    names = {name: _original(name) for name in source.state_dict()}
    foreign = {names[name]: tensor + 0.5 for name, tensor in source.state_dict().items()}
    torch.save({"model": dict(reversed(foreign.items()))}, tmp_path / "original.pth")
    backbone = build_timm("test_convnext", image_size=64, channels=3)
    report = load_weights(backbone, tmp_path / "original.pth")
    assert len(report.used) == len(names)
    for name, tensor in backbone.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name] + 0.5), name


def _original(name: str) -> str:
    """A name of timm's ConvNeXt as facebookresearch/ConvNeXt has it (what timm's filter undoes)."""
    changes = (("stem.", "downsample_layers.0."), ("head.norm.", "norm."), ("conv_dw", "dwconv"), ("mlp.fc", "pwconv"))
    for ours, theirs in changes:
        name = name.replace(ours, theirs)
    parts = name.split(".")
    if parts[0] == "stages":
        name = ".".join(
            ["downsample_layers", parts[1], *parts[3:]]
            if parts[2] == "downsample"
            else ["stages", parts[1], *parts[3:]]
        )
    return name
