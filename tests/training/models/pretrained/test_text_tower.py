"""The text tower against open_clip's own forward pass, its file, and the map into a whitened space."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.training.models.neutral_captions import NEUTRAL_CAPTIONS
from samekind.training.models.pretrained.text_weights import load_text_tower, resolve_text_tower, text_spec
from samekind.training.models.text_tower import TextSpec, TextTower
from samekind.training.models.whitening import Whitening, whitened
from samekind.training.runtime.artefact import TEXT, write_json
from tests import tiny_clip

TEXTS = ("red shoe", "a photo of a dog", "Grüße, 東京 & <b>Ünïcode</b>", "x")
BUILT = [name for name in tiny_clip.VARIANTS if "hub" not in name]


@pytest.fixture(scope="module", autouse=True)
def _registered(tmp_path_factory: pytest.TempPathFactory) -> None:
    tiny_clip.register(tmp_path_factory.mktemp("configs"))


def _tower(folder: Path, variant: str = tiny_clip.PLAIN) -> tuple[TextTower, Any]:
    name, model = tiny_clip.checkpoint(folder, variant)
    tower = resolve_text_tower(name)
    assert tower is not None
    return tower, model


@torch.no_grad()
def _by_open_clip(model: Any, variant: str) -> NDArray[np.float32]:
    features: torch.Tensor = model.encode_text(open_clip.get_tokenizer(variant)(list(TEXTS)), normalize=True)
    return features.numpy()


@pytest.mark.parametrize("variant", BUILT)
def test_it_is_encode_text_of_open_clip(tmp_path: Path, variant: str) -> None:
    """For the plain class, the newer one, OpenAI's activation, and a tower like SigLIP's: unit norm, equal to 1e-6."""
    tower, model = _tower(tmp_path, variant)
    ours = tower.embed_text(TEXTS)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, _by_open_clip(model, variant), atol=1e-6)
    np.testing.assert_allclose(tower.embed(TEXTS), ours, atol=1e-6)
    assert np.abs(ours[0] - ours[1]).max() > 1e-3


def test_the_activation_counts(tmp_path: Path) -> None:
    """The same weights under OpenAI's activation give other features: the spec must say which it was."""
    name, model = tiny_clip.checkpoint(tmp_path)
    spec = text_spec("open_clip/samekind-tiny-quick")
    assert spec is not None
    quick = load_text_tower(spec, Path(name.partition("@")[2])).embed_text(TEXTS)
    assert np.abs(quick - _by_open_clip(model, tiny_clip.PLAIN)).max() > 1e-4


@pytest.mark.parametrize("variant", BUILT)
def test_the_file_is_enough(tmp_path: Path, variant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stored tower answers digit for digit where open_clip knows no such model and there is no checkpoint."""
    tower, _ = _tower(tmp_path, variant)
    folder = _stored(tower, tmp_path / "artefact")
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", {})
    np.testing.assert_array_equal(TextTower.load(folder, "abc").embed(TEXTS), tower.embed(TEXTS))


def _stored(tower: TextTower, folder: Path, encoder: str = "abc") -> Path:
    import hashlib

    folder.mkdir()
    content = tower.to_bytes(encoder)
    (folder / TEXT).write_bytes(content)
    text = {"model": tower.spec.model, "fingerprint": hashlib.sha256(content).hexdigest()}
    write_json(folder / "meta.json", {"format": 1, "encoder": {"fingerprint": encoder}, "text": text})
    return folder


def test_another_file_is_refused(tmp_path: Path) -> None:
    """Another encoder's, a damaged and a missing file; an artefact without text says what to do."""
    tower, _ = _tower(tmp_path)
    folder = _stored(tower, tmp_path / "artefact")
    with pytest.raises(ArtefactError, match="not the text tower"):
        TextTower.load(folder, "another")
    content = bytearray((folder / TEXT).read_bytes())
    content[-1] ^= 1
    (folder / TEXT).write_bytes(content)
    with pytest.raises(ArtefactError, match="not the text tower"):
        TextTower.load(folder, "abc")
    (folder / TEXT).write_bytes(b"\xff")
    with pytest.raises(ArtefactError, match="not the text tower"):
        TextTower.load(folder, "abc")
    (folder / TEXT).unlink()
    with pytest.raises(ArtefactError, match="lacks text"):
        TextTower.load(folder, "abc")
    write_json(folder / "meta.json", {"format": 1, "encoder": {"fingerprint": "abc"}})
    with pytest.raises(InputError, match="no text tower") as refused:
        TextTower.load(folder, "abc")
    assert "open_clip/" in refused.value.hint


def test_texts_that_would_be_cut_or_are_empty_are_refused(tmp_path: Path) -> None:
    """Thirty words fit beside start and end; open_clip would drop the next one without a word."""
    tower, _ = _tower(tmp_path)
    assert tower.embed_text([" ".join(["shoe"] * 30)]).shape == (1, tiny_clip.DIM)
    with pytest.raises(InputError, match="31 tokens"):
        tower.embed_text([" ".join(["shoe"] * 31)])
    with pytest.raises(InputError, match="empty"):
        tower.embed_text(["shoe", " "])
    assert tower.embed([]).shape == (0, tiny_clip.DIM)


def test_what_is_not_on_this_machine_is_said(tmp_path: Path) -> None:
    """A tokenizer and a tower of the hub, a checkpoint of the image tower alone, and names that have no text."""
    name, model = tiny_clip.checkpoint(tmp_path, "samekind-tiny-hub-tokenizer")
    tower = resolve_text_tower(name)
    assert tower is not None
    with pytest.raises(MissingDependencyError, match="nobody/nothing"):
        tower.embed_text(["shoe"])
    spec = text_spec("open_clip/samekind-tiny-hub-tower")
    assert spec is not None
    with pytest.raises(InputError, match="not supported"):
        TextTower(spec)
    plain = text_spec("open_clip/samekind-tiny")
    assert plain is not None
    images = tmp_path / "images.pt"
    torch.save({key: value for key, value in model.state_dict().items() if key.startswith("visual.")}, images)
    with pytest.raises(InputError, match=r"29 .*tensors"):
        load_text_tower(plain, images)
    assert resolve_text_tower("lite0") is None
    assert resolve_text_tower("timm/resnet18") is None
    assert text_spec("open_clip/no-such-model") is None


def test_whitened_texts_go_through_the_images_map_about_their_own_mean(tmp_path: Path) -> None:
    """The closed form; a map that was not fitted leaves texts as open_clip gives them."""
    tower, _ = _tower(tmp_path)
    unit = tower.embed_text(TEXTS).astype(np.float64)
    tower.map_like(Whitening(tiny_clip.DIM, tiny_clip.DIM))
    np.testing.assert_allclose(tower.embed(TEXTS), unit, atol=1e-6)
    whitening = Whitening(tiny_clip.DIM, 8)
    whitening.fit(torch.randn(200, tiny_clip.DIM, generator=torch.Generator().manual_seed(1)) + 3, 0.5)
    tower.map_like(whitening)
    mean = tower.embed_text(NEUTRAL_CAPTIONS).astype(np.float64).mean(axis=0)
    expected = (unit - mean) @ whitening.matrix.numpy().astype(np.float64)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(tower.embed(TEXTS), expected, atol=1e-5)
    spec_dim = TextTower.load(_stored(tower, tmp_path / "artefact"), "abc").embed(TEXTS)
    np.testing.assert_array_equal(spec_dim, tower.embed(TEXTS))


def _two_cones(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Images, their texts, and other texts, as a model with a modality gap would embed them: one concept each, seen along the same
    directions, plus a mean of its kind and noise.
    """
    random = np.random.default_rng(seed)
    dim, concepts, count = 64, 16, 400
    directions = np.linalg.qr(random.normal(size=(dim, concepts)))[0] * np.geomspace(1, 0.1, concepts)
    image_mean, text_mean = (3 * mean / np.linalg.norm(mean) for mean in random.normal(size=(2, dim)))
    meant = random.normal(size=(2 * count, concepts)) @ directions.T
    images = image_mean + meant[:count] + random.normal(scale=0.02, size=(count, dim))
    texts = text_mean + meant + random.normal(scale=0.02, size=(2 * count, dim))
    units = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (images, texts[:count], texts[count:]))
    a, b, c = (rows.astype(np.float32) for rows in units)
    return a, b, c


@pytest.mark.parametrize("seed", range(3))
def test_about_their_own_mean_texts_find_their_images(seed: int) -> None:
    """On synthetic cones with a gap: about the images' mean nearly every text finds the same few images; about their own, its own, and
    more often than without whitening. It shows the algebra, not what CLIP would do.
    """
    images, texts, others = _two_cones(seed)
    whitening = Whitening(64, 16)
    whitening.fit(torch.from_numpy(images), 0.5)
    rows = whitened(whitening, images)
    about_images = whitened(whitening, texts)
    whitening.mean.copy_(torch.from_numpy(others.mean(axis=0)))
    about_texts = whitened(whitening, texts)

    def found(queries: NDArray[np.float32], rows: NDArray[np.float32]) -> float:
        return float(((queries @ rows.T).argmax(axis=1) == np.arange(len(rows))).mean())

    assert found(about_texts, rows) > found(texts, images) + 0.1
    assert found(about_texts, rows) > found(about_images, rows) + 0.3
    assert found(about_texts, rows) > 0.9


def test_the_spec_is_a_value() -> None:
    """Equal descriptions are equal specs."""
    assert TextSpec("a", 8, {"width": 4}) == TextSpec("a", 8, {"width": 4}) != TextSpec("a", 8, {"width": 5})
