"""What names no encoder is refused with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from PIL import Image

from samekind.core.errors import ArtefactError, InputError, SamekindError
from samekind.training.models.pretrained.require_encoder import require_encoder
from samekind.training.runtime.artefact import META, SAVED_META, SAVED_WEIGHTS, WEIGHTS, write_json


def refusal(name: str | Path) -> tuple[str, str]:
    """Message and hint."""
    with pytest.raises(SamekindError) as caught:
        require_encoder(name)
    assert "\n" not in str(caught.value) + caught.value.hint
    return str(caught.value), caught.value.hint


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("resnet18", "write timm/resnet18"),
        ("ViT-B-32", "open_clip/ViT-B-32"),
        ("Lite0", "write lite0"),
        ("resnet-small", "samekind train --backbone resnet-small"),
        ("timm/resnet18@none", "samekind train --backbone timm/resnet18@none"),
        ("nothing-like-it", "timm/NAME"),
        ("", "timm/NAME"),
    ],
)
def test_a_name_that_lacks_something_is_completed(name: str, meant: str) -> None:
    """The library before it, another spelling, or what kinds of names there are."""
    message, hint = refusal(name)
    assert name in message
    assert meant in hint


def test_a_file_is_no_encoder(tmp_path: Path) -> None:
    """Weights need an architecture before them, those of an artefact their folder; what holds no weights is said to."""
    good, empty, text = (tmp_path / name for name in ("good.safetensors", "empty.safetensors", "text.safetensors"))
    safetensors.torch.save_file({"a": torch.zeros(1)}, good)
    empty.touch()
    text.write_text("hello")
    (tmp_path / "junk.pth").write_text("hello")
    (tmp_path / WEIGHTS).write_bytes(good.read_bytes())
    assert f"timm/NAME@{good}" in refusal(good)[1]
    assert "is empty" in refusal(empty)[0]
    assert "cannot be read: Error while" in refusal(text)[0]
    assert refusal(tmp_path / "junk.pth")[0].endswith("cannot be read: it is no file of weights")
    assert refusal(tmp_path / WEIGHTS)[1] == f"name its folder: {tmp_path}"


def test_a_folder_of_images_is_no_encoder(tmp_path: Path) -> None:
    """It goes elsewhere; one that holds neither images nor an encoder is an artefact that is missing."""
    (tmp_path / "cats").mkdir()
    with pytest.raises(ArtefactError, match="holds no trained encoder"):
        require_encoder(tmp_path)
    Image.new("RGB", (4, 4)).save(tmp_path / "cats" / "a.PNG")
    with pytest.raises(InputError, match="is a folder of images") as caught:
        require_encoder(tmp_path)
    assert "--corpus" in caught.value.hint


@pytest.mark.parametrize(("weights", "description"), [(WEIGHTS, META), (SAVED_WEIGHTS, SAVED_META)])
def test_a_folder_that_lacks_the_description_of_its_weights_is_said_to(
    tmp_path: Path, weights: str, description: str
) -> None:
    """Of an artefact and of a saved encoder, also among images; with it the folder passes."""
    (tmp_path / weights).touch()
    assert f"holds {weights} but no {description}" in refusal(tmp_path)[0]
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    assert f"holds {weights} but no {description}" in refusal(tmp_path)[0]
    write_json(tmp_path / description, {"format": 1, "encoder": {}})
    require_encoder(tmp_path)


def test_a_pretrained_model_passes() -> None:
    """By name alone: its weights are looked for later."""
    require_encoder("lite0")
    require_encoder("timm/resnet18@nowhere.pth")
