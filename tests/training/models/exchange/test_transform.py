"""`Encoder.transform`: what it takes, what it gives, and what scikit-learn does with it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import samekind as sk
from samekind.training.models.encoder import Encoder
from tests.training.models.test_encoder import SPEC, pixels


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """Random weights."""
    torch.manual_seed(0)
    return Encoder(SPEC)


def test_an_image_gives_one_vector_whatever_form_it_comes_in(encoder: Encoder, tmp_path: Path) -> None:
    """Path, string, bytes, Pillow image and array, mixed, of several sizes: as `embed_images`, unit norm, in any batches."""
    pictures = [Image.fromarray(pixels(1, size)[0, ..., 0]) for size in (16, 9, 40)]
    buffer = io.BytesIO()
    pictures[1].save(buffer, "PNG")
    pictures[2].save(tmp_path / "c.png")
    mixed: list[Any] = [
        pictures[0],
        buffer.getvalue(),
        tmp_path / "c.png",
        str(tmp_path / "c.png"),
        np.asarray(pictures[1]),
    ]
    vectors = encoder.transform(mixed, batch_size=2)
    expected = encoder.embed_images([pictures[i] for i in (0, 1, 2, 2, 1)])
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(encoder.transform(pixels(5)), encoder.embed(pixels(5)))


def test_no_images_give_no_vectors(encoder: Encoder) -> None:
    """Not an error: `(0, D)`."""
    assert encoder.transform([]).shape == (0, encoder.dim)


def test_what_cannot_be_embedded_is_named(encoder: Encoder, tmp_path: Path) -> None:
    """A file by its path, anything else by its place in the list."""
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    with pytest.raises(sk.ImageError, match=r"torn\.png"):
        encoder.transform([pixels(1)[0], tmp_path / "torn.png"])
    with pytest.raises(sk.ImageError, match=r"nowhere\.png: no such file"):
        encoder.transform([tmp_path / "nowhere.png"])
    with pytest.raises(sk.ImageError, match="image 1: "):
        encoder.transform([pixels(1)[0], b"no image"])
    bad: list[tuple[Any, str]] = [
        ([pixels(1)[0], 7], "image 1: cannot embed int"),
        ([np.zeros((4, 4), np.float32)], r"image 0: cannot embed float32 \(4, 4\)"),
        ([np.zeros((4, 4, 2), np.uint8)], "image 0: an image must be"),
        ("photo.jpg", "takes several images, got one str"),
        (Image.new("L", (3, 3)), "takes several images"),
        (np.zeros((4, 4), np.uint8), r"must be \(N, H, W\)"),
    ]
    for images, says in bad:
        with pytest.raises(sk.InputError, match=says):
            encoder.transform(images)
    with pytest.raises(sk.InputError, match="batch_size"):
        encoder.transform([pixels(1)[0]], batch_size=0)


def test_a_pipeline_of_scikit_learn_learns_on_it(encoder: Encoder) -> None:
    """Encoder and logistic regression as one model: fits, predicts bright and dark right, and the encoder stays what it was."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rng, before = np.random.default_rng(0), encoder.fingerprint
    y, x = np.mgrid[:20, :20]
    images = [np.uint8((x if i % 2 else y) // 3 % 2 * 180 + rng.integers(0, 60, (20, 20))) for i in range(40)]
    labels = np.arange(40) % 2
    model = make_pipeline(encoder, LogisticRegression(C=100.0))
    model.fit(images[:30], labels[:30])
    assert model.score(images[30:], labels[30:]) == 1.0
    assert encoder.fit(images) is encoder
    assert encoder.fingerprint == before
