"""Which whitening a pretrained encoder gets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from samekind.core.progress import NoProgress
from samekind.training.models.encoder import Encoder, EncoderSpec
from samekind.training.models.neighbour_whitening import fit_neighbour_whitening
from samekind.training.models.pretrained.whiten import DIRECTIONS, ENOUGH, GENTLE, whiten
from samekind.training.models.whitening import Whitening


class Said(NoProgress):
    """A progress that remembers its last line."""

    line = ""

    def print(self, line: str) -> None:
        """Keeps the line."""
        self.line = line


def grouped(count: int, dim: int) -> NDArray[np.float32]:
    """Rows around 40 centres."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(40, dim))
    return (centres[np.arange(count) % 40] + 0.4 * random.normal(size=(count, dim))).astype(np.float32)


@pytest.fixture
def encoder() -> Encoder:
    """Random weights; only its whitening matters."""
    return Encoder(EncoderSpec("resnet-small", 16, 1, 0, (0.5,), (0.25,), width=4))


def test_mutual_neighbours_decide_where_there_are_enough_images(encoder: Encoder) -> None:
    """From 1,000 on, and the line says so; it is the very map that `fit_neighbour_whitening` finds."""
    features, said = grouped(ENOUGH, encoder.feature_dim), Said()
    expected = Whitening(encoder.feature_dim, min(DIRECTIONS, encoder.feature_dim))
    neighbours = fit_neighbour_whitening(expected, torch.from_numpy(features))
    whiten(encoder, features, None, said)
    assert torch.equal(encoder.whitening.matrix, expected.matrix)
    assert f"mutual neighbours ({neighbours} nearest" in said.line


@pytest.mark.parametrize("count", [ENOUGH - 1, 1])
def test_fewer_images_are_whitened_gently(encoder: Encoder, count: int) -> None:
    """By their variances, with a small exponent."""
    features, said = grouped(count, encoder.feature_dim), Said()
    expected = Whitening(
        encoder.feature_dim, encoder.feature_dim if count <= DIRECTIONS else min(DIRECTIONS, encoder.feature_dim)
    )
    expected.fit(torch.from_numpy(features), GENTLE)
    whiten(encoder, features, None, said)
    assert torch.equal(encoder.whitening.matrix, expected.matrix)
    assert "by variances" in said.line


def test_images_without_groups_are_whitened_gently(encoder: Encoder) -> None:
    """However many there are."""
    features, said = np.random.default_rng(0).normal(size=(ENOUGH, encoder.feature_dim)).astype(np.float32), Said()
    whiten(encoder, features, None, said)
    assert "by variances" in said.line


def test_an_exponent_is_taken_at_its_word(encoder: Encoder) -> None:
    """0 leaves the features alone; nothing is said of it."""
    features, said = grouped(ENOUGH, encoder.feature_dim), Said()
    whiten(encoder, features, 0.4, said)
    expected = Whitening(encoder.feature_dim, encoder.dim)
    expected.fit(torch.from_numpy(features), 0.4)
    assert torch.equal(encoder.whitening.matrix, expected.matrix)
    whiten(encoder, features, 0, said)
    assert encoder.dim == encoder.feature_dim
    assert torch.equal(encoder.whitening.matrix, torch.eye(encoder.dim))
    assert not said.line
