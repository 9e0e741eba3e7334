"""The encoder as a file, as a function, and as other people's backbones."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from samekind.core.errors import ArtefactError, InputError, MissingDependencyError
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.whitening import Whitening
from samekind.training.runtime.artefact import FORMAT, META, WEIGHTS, write_json

SPEC = EncoderSpec("resnet-small", image_size=16, channels=1, dim=8, mean=(0.3,), std=(0.2,), width=4, pool=2)


def pixels(count: int, size: int = 16, channels: int = 1) -> np.ndarray:
    """Seeded noise."""
    return np.random.default_rng(0).integers(0, 256, (count, size, size, channels)).astype(np.uint8)


def saved(encoder: Encoder, folder: Path) -> Path:
    """The files that training would leave."""
    (folder / WEIGHTS).write_bytes(encoder.to_bytes())
    write_json(
        folder / META, {"format": FORMAT, "encoder": {**asdict(encoder.spec), "fingerprint": encoder.fingerprint}}
    )
    return folder


def test_embeddings_are_unit_norm_and_do_not_depend_on_the_batch() -> None:
    """One at a time or all at once: the same vectors, of norm 1, of the dimension that was asked for."""
    torch.manual_seed(0)
    encoder = Encoder(SPEC)
    images = pixels(5)
    together, apart = encoder.embed(images), np.concatenate([encoder.embed(images[i : i + 1]) for i in range(5)])
    assert together.shape == (5, 8)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, apart, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_embedding_leaves_the_training_mode_and_statistics_alone() -> None:
    """Embedding in the middle of training changes neither mode nor running statistics."""
    encoder = Encoder(SPEC).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder.embed(pixels(4))
    assert encoder.training
    for name, value in encoder.state_dict().items():
        torch.testing.assert_close(value, before[name], msg=name)


def test_any_image_can_be_embedded() -> None:
    """Other sizes, other modes, a single pixel: prepared the same way."""
    encoder = Encoder(SPEC)
    vectors = encoder.embed_images([Image.new("RGB", (40, 9), "red"), Image.new("L", (1, 1)), Image.new("L", (16, 16))])
    assert vectors.shape == (3, 8)
    assert np.isfinite(vectors).all()


def test_saving_and_loading_is_the_identity(tmp_path: Path) -> None:
    """The same vectors bit by bit, the same fingerprint, whitening included."""
    encoder = Encoder(SPEC)
    encoder.whitening.fit(torch.randn(100, encoder.feature_dim), 0.5)
    loaded = Encoder.load(saved(encoder, tmp_path))
    np.testing.assert_array_equal(loaded.embed(pixels(3)), encoder.embed(pixels(3)))
    assert loaded.fingerprint == encoder.fingerprint
    assert loaded.spec == encoder.spec


def test_the_whitening_is_fitted_to_a_seeded_choice_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """To all of a few images, equal to a fit to their features; of many to some, which the seed decides; exponent 0 leaves it alone."""
    encoder, images = Encoder(SPEC), pixels(30)

    def fitted(exponent: float, seed: int) -> torch.Tensor:
        encoder.whitening = Whitening(encoder.feature_dim, encoder.dim)
        encoder.fit_whitening(images, exponent, seed)
        return encoder.whitening.matrix

    expected = Whitening(encoder.feature_dim, encoder.dim)
    assert torch.equal(fitted(0.0, 0), expected.matrix)
    expected.fit(torch.from_numpy(encoder.features(images)), 0.5)
    assert torch.equal(fitted(0.5, 0), expected.matrix)
    assert torch.equal(fitted(0.5, 1), expected.matrix)
    monkeypatch.setattr("samekind.training.models.encoder.WHITENING_ROWS", 20)
    assert torch.equal(fitted(0.5, 0), fitted(0.5, 0))
    assert not torch.allclose(fitted(0.5, 0), fitted(0.5, 1))
    assert not torch.allclose(fitted(0.5, 0), expected.matrix)


def test_another_encoder_has_another_fingerprint() -> None:
    """One changed weight is another encoder."""
    one, two = Encoder(SPEC), Encoder(SPEC)
    two.load_state_dict(one.state_dict())
    with torch.no_grad():
        next(two.parameters()).view(-1)[0] += 1e-3
    assert one.fingerprint != two.fingerprint


def test_the_fingerprint_covers_what_the_weights_mean() -> None:
    """Equal weights behind another normalisation are another encoder."""
    one, two = Encoder(SPEC), Encoder(replace(SPEC, mean=(0.4,)))
    two.load_state_dict(one.state_dict())
    assert one.fingerprint != two.fingerprint


def test_a_missing_or_damaged_artefact_is_refused(tmp_path: Path) -> None:
    """Nothing there, no weights, torn weights, other weights, torn meta, a newer format: one clear error each."""
    with pytest.raises(ArtefactError, match="does not exist"):
        Encoder.load(tmp_path / "nowhere")
    with pytest.raises(ArtefactError, match="holds no trained encoder"):
        Encoder.load(tmp_path)
    folder = saved(Encoder(SPEC), tmp_path)
    weights = (folder / WEIGHTS).read_bytes()
    for damaged in (weights[:-10], Encoder(SPEC).to_bytes()):
        (folder / WEIGHTS).write_bytes(damaged)
        with pytest.raises(ArtefactError, match=r"is not the encoder that meta\.json describes"):
            Encoder.load(folder)
    (folder / WEIGHTS).unlink()
    with pytest.raises(ArtefactError, match=r"holds no encoder\.safetensors"):
        Encoder.load(folder)
    (folder / META).write_text("{")
    with pytest.raises(ArtefactError, match="is damaged"):
        Encoder.load(folder)
    (folder / META).write_text(json.dumps({"format": FORMAT}))
    with pytest.raises(ArtefactError, match="is damaged"):
        Encoder.load(folder)
    (folder / META).write_text(json.dumps({"format": FORMAT + 1, "encoder": {}}))
    with pytest.raises(ArtefactError, match="format"):
        Encoder.load(folder)


@pytest.mark.parametrize("pool", [1, 2, 4])
@pytest.mark.parametrize("size", [28, 64])
def test_the_feature_has_the_dimension_it_says(pool: int, size: int) -> None:
    """`4 · width · pool²`; the embedding keeps at most that."""
    encoder = Encoder(
        EncoderSpec("resnet-small", size, 3, 100_000, (0.5,) * 3, (0.2,) * 3, width=2, stem_stride=0, pool=pool)
    )
    assert encoder.feature_dim == encoder.dim == 8 * pool**2
    assert encoder.features(pixels(2, size, 3)).shape == (2, encoder.feature_dim)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "channels"), [("timm/resnet10t", 1), ("open_clip/RN50", 1)])
def test_backbones_of_others_embed(name: str, channels: int) -> None:
    """A timm model and an open_clip tower, from random weights and grey images, without a hub."""
    encoder = Encoder(EncoderSpec(name, 32, channels, 0, (0.5,), (0.2,)))
    assert encoder.embed(pixels(2, 32, channels)).shape == (2, encoder.dim)


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("vgg", InputError, "unknown backbone"),
        ("timm/", InputError, "unknown backbone"),
        ("timm/resnet18@nowhere.safetensors", MissingDependencyError, "nowhere.safetensors"),
        ("open_clip/ViT-B-32@nowhere.pt", MissingDependencyError, "nowhere.pt"),
    ],
)
def test_unknown_backbones_and_missing_checkpoints_are_named(name: str, error: type[Exception], says: str) -> None:
    """The error names the backbone, or the file that should be there."""
    with pytest.raises(error, match=says):
        Encoder(EncoderSpec(name, 32, 3, 0, (0.5,) * 3, (0.2,) * 3))


def test_a_spec_at_its_defaults_is_not_named_in_the_file(tmp_path: Path) -> None:
    """What older encoders do not know is left out, so that their files and fingerprints stay; anything else comes back."""
    torch.manual_seed(0)
    plain = Encoder(SPEC)
    header = plain.to_bytes()
    named = json.loads(json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]["spec"])
    assert not {"interpolation", "crop", "adapter"} & set(named)
    other = Encoder(replace(SPEC, interpolation="bilinear", crop=0.875))
    other.load_state_dict(plain.state_dict())
    assert other.fingerprint != plain.fingerprint
    assert Encoder.load(saved(other, tmp_path)).spec == other.spec


def test_an_old_artefact_keeps_its_fingerprint() -> None:
    """The file of release 0.1.0, read and written again, is the same to the byte."""
    folder = Path(__file__).parents[2] / "fixtures" / "artefact-0.1.0"
    encoder = Encoder.load(folder)
    assert encoder.to_bytes() == (folder / WEIGHTS).read_bytes()
