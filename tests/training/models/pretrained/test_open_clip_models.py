"""Image towers of open_clip as backbones."""

from __future__ import annotations

from pathlib import Path

import open_clip
import pytest
import torch
from torch.nn import functional

from samekind.core.errors import InputError
from samekind.training.models.pretrained.checkpoints.checkpoint_file import load_weights
from samekind.training.models.pretrained.open_clip_models import (
    build_open_clip,
    model_config,
    name_of_config,
    open_clip_preprocessing,
)
from samekind.training.models.pretrained.tower import feature_dim


@pytest.fixture
def tiny_clip(monkeypatch: pytest.MonkeyPatch) -> str:
    """A CLIP that is small enough for a test, known to open_clip by a name."""
    config = {
        "embed_dim": 24,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 64, "patch_size": 8},
        "text_cfg": {"context_length": 8, "vocab_size": 40, "width": 32, "heads": 2, "layers": 1},
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "tiny-clip", config)
    return "tiny-clip"


def test_the_tower_with_the_weights_is_open_clips_own(tiny_clip: str, tmp_path: Path) -> None:
    """A whole CLIP's file fills the tower; features are those of `encode_image`; texts are left out."""
    torch.manual_seed(0)
    clip = open_clip.create_model(tiny_clip).eval()
    torch.save(
        {"state_dict": {f"module.{name}": tensor for name, tensor in clip.state_dict().items()}}, tmp_path / "clip.pt"
    )
    backbone = build_open_clip(tiny_clip, image_size=32).eval()
    report = load_weights(backbone, tmp_path / "clip.pt")
    assert feature_dim(backbone, 32, 3) == 24
    assert len(report.used) == len(clip.visual.state_dict())
    image = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(backbone(image), clip.encode_image(image))
    torch.testing.assert_close(backbone(image[:, :1]), clip.encode_image(image[:, :1].expand(-1, 3, -1, -1)))


def test_another_image_size_has_open_clips_interpolated_positions(tiny_clip: str, tmp_path: Path) -> None:
    """Loading at 64 px is what open_clip does with `force_image_size=64`."""
    torch.manual_seed(0)
    torch.save(open_clip.create_model(tiny_clip).state_dict(), tmp_path / "clip.pt")
    clip = open_clip.create_model(tiny_clip, pretrained=str(tmp_path / "clip.pt"), force_image_size=64).eval()
    backbone = build_open_clip(tiny_clip, image_size=64).eval()
    load_weights(backbone, tmp_path / "clip.pt")
    image = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(
        functional.normalize(backbone(image)), functional.normalize(clip.encode_image(image)), atol=1e-5, rtol=1e-5
    )


def test_sizes_and_names_that_do_not_exist_are_named(tiny_clip: str) -> None:
    """A size that the patches do not divide still works where open_clip cuts the rest off; one below a patch does not."""
    with pytest.raises(InputError, match=r"open_clip/tiny-clip takes images of .*8 px, got 5") as caught:
        build_open_clip(tiny_clip, image_size=5)
    assert caught.value.hint == "--image-size 8"
    with pytest.raises(InputError, match="open_clip knows no model 'nope'"):
        build_open_clip("nope", image_size=32)


def test_the_preprocessing_is_the_one_of_the_tag() -> None:
    """OpenAI's values; SigLIP squashes and has its own; without a tag what most tags have."""
    clip = open_clip_preprocessing("ViT-B-32", "openai")
    assert (clip.image_size, clip.crop, clip.interpolation, clip.mean) == (
        224,
        1.0,
        "bicubic",
        open_clip.OPENAI_DATASET_MEAN,
    )
    siglip = open_clip_preprocessing("ViT-B-16-SigLIP-256")
    assert (siglip.image_size, siglip.crop, siglip.mean) == (256, 0.0, (0.5, 0.5, 0.5))
    assert open_clip_preprocessing("ViT-B-32") == clip
    assert open_clip_preprocessing("ViT-B-32", "weights.pt") == clip


def test_a_configuration_finds_its_name() -> None:
    """Of an image tower; another width is another model."""
    config = model_config("ViT-B-32")
    assert name_of_config(config) == "ViT-B-32"
    assert name_of_config({**config, "embed_dim": 7}) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["RN50", "coca_ViT-B-32", "convnext_base", "MobileCLIP-S1", "ViT-B-16-SigLIP", "EVA02-B-16"]
)
def test_towers_of_all_kinds_embed_grey_images(name: str) -> None:
    """ResNet, CoCa (two outputs), towers of timm: features of one row an image, without a hub."""
    backbone = build_open_clip(name, image_size=64)
    assert backbone.eval()(torch.rand(2, 1, 64, 64)).shape == (2, feature_dim(backbone, 64, 3))
