"""An encoder beside raw pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import samekind as sk


@pytest.fixture
def corpus() -> sk.Corpus:
    """Two classes that pixels tell apart: bright at the left, bright at the right; each picture twice, for copies are no neighbours."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 60, (10, 16, 16), dtype=np.uint8)
    pictures[:5, :, :8] += 150
    pictures[5:, :, 8:] += 150
    return sk.Corpus.from_arrays([*pictures, *pictures], ["l"] * 5 + ["r"] * 5 + ["l"] * 5 + ["r"] * 5, name="sides")


def test_shares_are_those_of_a_loop(corpus: sk.Corpus, tmp_path: Path) -> None:
    """Vectors that know nothing of the classes beside pixels that know all; copies do not count."""
    vectors = np.random.default_rng(1).normal(size=(10, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    both = np.concatenate([vectors, vectors])
    index = sk.index_vectors(both, corpus.ids, tmp_path / "sides", corpus=corpus)
    found = sk.beside_pixels(index)
    assert found is not None
    similarity = vectors @ vectors.T - 9 * np.eye(10)
    assert found.encoder == np.mean([(a < 5) == (similarity[a].argmax() < 5) for a in range(10)])
    assert (found.num_images, found.pixels) == (20, 1.0)
    sample = sk.beside_pixels(index, count=8)
    assert sample is not None
    assert sample.num_images == 8


def test_nothing_is_said_without_labels_or_pictures(tmp_path: Path) -> None:
    """Given vectors have one grey picture for all, and an unlabelled corpus no classes."""
    vectors = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    labelled = sk.index_vectors(vectors, list("123456789"), tmp_path / "labelled", labels=["a", "b", "a"] * 3)
    assert sk.beside_pixels(labelled) is None
    assert sk.beside_pixels(sk.index_vectors(vectors, list("123456789"), tmp_path / "plain")) is None


def test_copies_alone_have_no_neighbours(corpus: sk.Corpus, tmp_path: Path) -> None:
    """Nothing is said of one picture filed several times, under one class or two: an image would be its own neighbour."""
    assert corpus.native_array is not None
    for labels in (["l"] * 4, ["l", "r"] * 2):
        same = sk.Corpus.from_arrays([corpus.native_array[0]] * 4, labels, name="one")
        index = sk.index_vectors(np.ones((4, 3), np.float32), same.ids, tmp_path / "".join(labels), corpus=same)
        assert sk.beside_pixels(index) is None
