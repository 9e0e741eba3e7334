"""Whitening against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from samekind.training.models.whitening import FLOOR, SPREAD_FLOOR, Whitening, directions_worth_keeping, discount


def test_full_whitening_makes_the_covariance_the_identity() -> None:
    """Exponent 0.5 gives uncorrelated directions of (nearly) equal variance; the mean goes to 0."""
    torch.manual_seed(0)
    feature = torch.randn(4000, 3) @ torch.tensor([[1.0, 0.5, 0], [0, 1.0, 0.3], [0, 0, 0.7]]) + 5
    whitening = Whitening(3, 3)
    whitening.fit(feature, 0.5)
    out = whitening(feature)
    covariance = torch.cov(out.T) / torch.cov(out.T)[0, 0]
    torch.testing.assert_close(covariance, torch.eye(3), atol=0.01, rtol=0)
    torch.testing.assert_close(out.mean(0), torch.zeros(3), atol=1e-4, rtol=0)


def test_whitening_keeps_the_loudest_directions() -> None:
    """With D < F the directions of largest variance stay, loudest first."""
    torch.manual_seed(0)
    feature = torch.randn(1000, 4) * torch.tensor([0.1, 3.0, 0.2, 2.0])
    whitening = Whitening(4, 2)
    whitening.fit(feature, 0.0)
    assert whitening.matrix.abs().argmax(0).tolist() == [1, 3]


@pytest.mark.parametrize("turn", [0.0, 0.7])
def test_directions_in_which_views_differ_count_less(turn: float) -> None:
    """Divided by √(variance + floor), whichever way the axes lie; a spread that is the same everywhere only centres."""
    torch.manual_seed(0)
    axes = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    rows = torch.randn(50, 2)
    centred = rows - rows.mean(0)
    scaled = centred / torch.tensor([4.0 + SPREAD_FLOOR * 4, 0.04 + SPREAD_FLOOR * 4]).sqrt()
    expected = torch.nn.functional.normalize(scaled, dim=1) @ axes.T
    torch.testing.assert_close(discount(rows @ axes.T, axes @ torch.diag(torch.tensor([4.0, 0.04])) @ axes.T), expected)
    torch.testing.assert_close(discount(rows, torch.eye(2)), torch.nn.functional.normalize(centred, dim=1))
    assert discount(rows, torch.zeros(2, 2)).isfinite().all()


@pytest.mark.parametrize(
    ("asked", "images", "kept"), [(256, 60_000, 256), (256, 200, 25), (256, 10, 8), (0, 8000, 1000), (4, 60_000, 4)]
)
def test_few_images_keep_few_directions(asked: int, images: int, kept: int) -> None:
    """Never more than an eighth of the images, never fewer than eight unless asked for."""
    assert directions_worth_keeping(asked, images) == kept


def test_whitened_neighbours_of_few_images_stay_neighbours() -> None:
    """200 images around 4 centres in 500 dimensions: a neighbour is of the same centre, and clearly nearer than 0."""
    torch.manual_seed(0)
    kinds = torch.arange(200) % 4
    feature = torch.randn(4, 500)[kinds] * 2 + torch.randn(200, 500)
    whitening = Whitening(500, directions_worth_keeping(256, 200))
    whitening.fit(feature, 0.5)
    embedding = torch.nn.functional.normalize(whitening(feature), dim=1)
    similarity, nearest = (embedding @ embedding.T).fill_diagonal_(-1).max(1)
    assert (kinds[nearest] == kinds).float().mean() > 0.8
    assert similarity.mean() > 0.3


def test_whitening_of_nothing_changes_nothing() -> None:
    """One image, or images all alike, leave the map as it was: no NaN."""
    for feature in (torch.ones(1, 3), torch.ones(5, 3)):
        whitening = Whitening(3, 3)
        whitening.fit(feature, 0.5)
        assert whitening(feature).tolist() == feature.tolist()


@pytest.mark.parametrize(("images", "kept"), [(60, 7), (60, 59), (60, 60), (120, 15), (200, 25)])
def test_few_images_have_the_whitening_of_their_covariance(images: int, kept: int) -> None:
    """As NumPy's eigenvectors give it, whichever way it is computed: but for signs the same coordinates, so the same cosines."""
    torch.manual_seed(0)
    feature = torch.relu(torch.randn(images, 240) * torch.logspace(0, -2, 240)) + 1
    whitening = Whitening(240, kept)
    whitening.fit(feature, 0.5)
    rows = feature.double().numpy()
    variance, directions = np.linalg.eigh(np.cov(rows.T))
    scale = (variance.clip(0) / variance[-1] + FLOOR) ** -0.5
    expected = np.abs((rows - rows.mean(0)) @ (directions * scale)[:, ::-1][:, : min(kept, images - 1)])
    np.testing.assert_allclose(whitening(feature)[:, : images - 1].abs(), expected, atol=2e-3)


@pytest.mark.parametrize("kept", [40, 100, 240])
def test_few_images_may_keep_directions_that_they_do_not_span(kept: int) -> None:
    """What lies outside them counts as what has no variance, whichever axes it is written in: cosines to images yet to come are those of
    the covariance's own eigenvectors where all directions are kept, and no length is lost.
    """
    torch.manual_seed(0)
    feature, later = (torch.relu(torch.randn(count, 240) * torch.logspace(0, -2, 240)) + 1 for count in (40, 30))
    whitening = Whitening(240, kept)
    whitening.fit(feature, 0.1)
    variance, directions = np.linalg.eigh(np.cov(feature.double().numpy().T))
    scale = (variance.clip(0) / variance[-1] + FLOOR) ** -0.1
    gram = whitening.matrix.double().T @ whitening.matrix.double()
    np.testing.assert_allclose(gram, np.diag((scale**2)[::-1][:kept]), atol=2e-5)
    if kept == 240:
        centred = later.double().numpy() - feature.double().numpy().mean(0)
        expected = centred @ (directions * scale) @ (directions * scale).T @ centred.T
        found = whitening(later).double()
        np.testing.assert_allclose(found @ found.T, expected, rtol=1e-4, atol=1e-5)


def test_copies_of_few_images_have_finite_directions() -> None:
    """More directions than the images span: the rest is empty, and no division by it."""
    torch.manual_seed(0)
    feature = torch.randn(3, 200).repeat(30, 1)
    whitening = Whitening(200, 11)
    whitening.fit(feature, 0.5)
    lengths = whitening.matrix.norm(dim=0)
    assert whitening.matrix.isfinite().all()
    assert lengths.min() > 0.9
