"""Two crops of each image: what they show, and the mean of their features as the one of the image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import samekind as sk
from samekind.core.progress import NoProgress
from samekind.data.corpus import Corpus
from samekind.data.decode import prepare
from samekind.data.prepared import prepare_corpus
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import Preprocessing, preprocessing_of
from samekind.data.views.policies import policy_for
from samekind.indexer.search.query import seen
from samekind.training.features.cache import FeatureCache
from samekind.training.models.encoder import Encoder
from tests.training.models.test_encoder import SPEC

ONE = replace(SPEC, channels=3, mean=(0.3,) * 3, std=(0.2,) * 3, crop=0.875)
TWO = replace(ONE, crops=2)


def photos(count: int = 5) -> list[Image.Image]:
    """Noise, higher than wide."""
    random = np.random.default_rng(1)
    return [Image.fromarray(random.integers(0, 256, (40, 24 + 2 * i, 3), dtype=np.uint8)) for i in range(count)]


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of unit norm."""
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def expected_features(encoder: Encoder, images: list[Image.Image]) -> np.ndarray:
    """Mean of unit-norm features of the centre and of the squashed image, each by an encoder of one crop with these weights."""
    one = Encoder(replace(encoder.spec, crops=1))
    one.load_state_dict(encoder.state_dict())
    each = [
        unit(one.features(np.stack([prepare(image, Preprocessing(16, 3, "bicubic", crop)) for image in images])))
        for crop in (0.875, 0.0)
    ]
    return np.asarray((each[0] + each[1]) / 2)


@pytest.mark.parametrize(("crop", "second"), [(0.875, 0.0), (0.0, 1.0)])
def test_the_second_crop_shows_what_the_first_does_not(crop: float, second: float) -> None:
    """Beside a centre the whole image, beside a squashed image its centre; a corpus is prepared likewise, from arrays, too."""
    image = photos(1)[0]
    both = prepare(image, Preprocessing(16, 3, "lanczos", crop, 2))
    assert both.shape == Preprocessing(16, 3, "lanczos", crop, 2).shape == (2, 16, 16, 3)
    for found, share in zip(both, (crop, second), strict=True):
        np.testing.assert_array_equal(found, prepare(image, Preprocessing(16, 3, "lanczos", share)))
    square: Pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    corpus = Corpus.from_arrays(square, name="squares")
    prepared = prepare_corpus(corpus, Preprocessing(16, 3, crop=crop, crops=2))
    assert prepared.shape == (3, 2, 16, 16, 3)
    np.testing.assert_array_equal(prepared[1], prepare(corpus.image(1), Preprocessing(16, 3, crop=crop, crops=2)))


def test_a_feature_is_the_mean_of_unit_ones_before_whitening() -> None:
    """Of corpus and transform alike, whatever the batch; then whitening and unit norm as ever."""
    encoder, images = Encoder(TWO), photos()
    prepared = np.stack([prepare(image, preprocessing_of(TWO)) for image in images])
    expected = expected_features(encoder, images)
    np.testing.assert_allclose(encoder.features(prepared), expected, atol=1e-6)
    np.testing.assert_allclose(encoder.features(prepared, batch_size=3), expected, atol=1e-6)
    encoder.renew_whitening(4, expected, 0.5)
    whitened = unit((expected - expected.mean(0)) @ encoder.whitening.matrix.numpy())
    np.testing.assert_allclose(encoder.transform(images), whitened, atol=1e-4)
    np.testing.assert_allclose(encoder.embed_images(images), whitened, atol=1e-4)


def test_cached_features_have_both_crops_in_the_plain_one(tmp_path: Path) -> None:
    """Views are of one crop and of unit norm; the features of one crop are another file."""
    for number, image in enumerate(photos()):
        image.save(tmp_path / f"{number}.png")
    corpus, policy = Corpus.from_folder(tmp_path), policy_for("photos", 3, "light")
    encoder = Encoder(TWO)
    cache = FeatureCache(encoder, corpus, policy, 2, 0)
    features = cache.features(NoProgress())[:].astype(np.float32)
    pictures = [corpus.image(row) for row in range(len(corpus))]
    np.testing.assert_allclose(features[:, 0], expected_features(encoder, pictures), atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(features[:, 1:], axis=2), 1, atol=1e-2)
    assert np.abs(features[:, 1] - features[:, 2]).max() > 1e-2
    one = Encoder(ONE)
    one.load_state_dict(encoder.state_dict())
    assert FeatureCache(one, corpus, policy, 2, 0).array.digest != cache.array.digest


def test_crops_are_kept_with_the_encoder(tmp_path: Path) -> None:
    """In file and description; one crop is not named in the file, so that fingerprints stay. An encoder keeps to its own."""
    assert b"crops" not in Encoder(ONE).to_bytes()
    folder = Encoder(TWO).save_pretrained(tmp_path / "saved")
    assert sk.load_encoder(folder).spec.crops == sk.load_encoder(folder, crops=2).spec.crops == 2
    card = (folder / "README.md").read_text()
    assert "cut out the centre of 16 × 16 px; for a second picture, scale to 16 × 16 px" in card
    assert "average the features of the two pictures" in card
    with pytest.raises(sk.InputError, match="takes 2 crops of an image and keeps to it, not 1") as caught:
        sk.load_encoder(folder, crops=1)
    assert "another --out" in str(caught.value.hint)


def test_what_cannot_take_two_crops_says_so(tmp_path: Path) -> None:
    """One line each: a file for ONNX, training that changes the backbone, three crops."""
    with pytest.raises(sk.InputError, match="averages 2 crops of an image cannot be written as ONNX"):
        Encoder(TWO).to_onnx(tmp_path / "encoder.onnx")
    fine_tuned: dict[str, Any] = {"backbone": "lite0", "train": "all"}
    scratch: dict[str, Any] = {}
    for settings in (fine_tuned, scratch):
        with pytest.raises(sk.InputError, match="2 crops of an image need an adapter on a frozen backbone"):
            sk.TrainConfig(crops=2, **settings)
    with pytest.raises(sk.InputError, match="crops of an image are 1 or 2, got 3"):
        Preprocessing(16, 3, crops=3)


@pytest.mark.parametrize("channels", [1, 3])
def test_both_crops_are_seen_abreast(channels: int) -> None:
    """As one picture, which the demo shows beside an upload."""
    index: Any = SimpleNamespace(encoder=SimpleNamespace(spec=replace(SPEC, channels=channels, crops=2)))
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 40, 3), dtype=np.uint8))
    side = SPEC.image_size
    pixels = seen(image, index)
    assert Image.fromarray(pixels).size == (2 * side, side)
    first, second = prepare(image, preprocessing_of(index.encoder.spec)).reshape(2, side, -1)
    assert np.array_equal(pixels.reshape(side, 2, -1).transpose(1, 0, 2), np.stack([first, second]))
