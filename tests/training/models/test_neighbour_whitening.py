"""Neighbour whitening against pairs written out, and on rows whose groups are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import eigh
from torch.nn import functional

from samekind.training.models import neighbour_whitening
from samekind.training.models.neighbour_whitening import fit_neighbour_whitening, fitting_neighbours
from samekind.training.models.whitening import Whitening
from samekind.training.neighbours import mutual_neighbours, nearest_others, shared_neighbours


def _groups(count: int, size: int, noise: float = 1.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows around centres in 8 directions, beside 24 directions, four of them loud, in which everything differs; and their groups."""
    generator = torch.Generator().manual_seed(seed)
    kinds = torch.arange(count * size) % count
    centre = torch.randn(count, 8, generator=generator)[kinds] * 2
    loudness = torch.tensor([1.5] * 4 + [0.3] * 20)
    other = torch.randn(len(kinds), 24, generator=generator) * loudness * noise
    return torch.cat([centre + 0.6 * torch.randn(centre.shape, generator=generator), other], dim=1), kinds


def _precision(row: torch.Tensor, kinds: torch.Tensor, k: int) -> float:
    nearest = nearest_others(functional.normalize(row, dim=1), k).long()
    return float((kinds[nearest] == kinds[:, None]).float().mean())


def test_covariance_of_mutual_neighbours_is_that_of_their_differences() -> None:
    """Half the mean outer product of the differences, pair by pair."""
    unit = functional.normalize(torch.randn(40, 5, generator=torch.Generator().manual_seed(1)), dim=1)
    mutual = mutual_neighbours(nearest_others(unit, 4))
    pairs = [(i, j) for i, j in zip(*mutual.nonzero(), strict=True) if i != j]
    expected = sum(torch.outer(unit[i] - unit[j], unit[i] - unit[j]).double() for i, j in pairs) / len(pairs) / 2
    torch.testing.assert_close(neighbour_whitening._covariance_within(unit, mutual), expected, atol=1e-7, rtol=0)


@pytest.mark.parametrize("seed", range(3))
def test_images_of_a_group_come_closer_than_by_any_exponent(seed: int) -> None:
    """More of the nearest are of the same group than in the plain features and under gentle and full whitening."""
    feature, kinds = _groups(20, 30, seed=seed)
    whitening = Whitening(32, 32)
    assert fit_neighbour_whitening(whitening, feature)
    ours, plain = _precision(whitening(feature), kinds, 29), []
    for exponent in (0.0, 0.25, 0.5):
        whitening.fit(feature, exponent)
        plain.append(_precision(whitening(feature), kinds, 29))
    assert ours > max(plain) + 0.02


def test_larger_groups_have_more_neighbours() -> None:
    """The number follows the size of the groups."""
    small, large = (fitting_neighbours(_groups(*shape, noise=0.5)[0], 32) for shape in ((100, 10), (10, 100)))
    assert 5 <= small <= 14 < large


def test_rows_without_groups_and_few_rows_change_nothing() -> None:
    """A cloud is no neighbourhood; the frozen map is kept."""
    for feature in (torch.randn(1000, 32, generator=torch.Generator().manual_seed(0)), _groups(4, 10)[0]):
        whitening = Whitening(32, 16)
        assert fit_neighbour_whitening(whitening, feature) == 0
        assert whitening(feature).equal(feature[:, :16])


def test_images_all_alike_change_nothing() -> None:
    """No NaN, no neighbours."""
    whitening = Whitening(3, 3)
    assert fit_neighbour_whitening(whitening, torch.ones(100, 3)) == 0
    assert whitening(torch.ones(1, 3)).tolist() == [[1, 1, 1]]


def test_shared_neighbours_by_hand() -> None:
    """Two separate groups of four share two of three neighbours, at 3/8 by chance."""
    row = torch.eye(2).repeat_interleave(4, 0) + 0.01 * torch.rand(8, 2, generator=torch.Generator().manual_seed(0))
    nearest = nearest_others(functional.normalize(row, dim=1), 3)
    assert shared_neighbours(nearest) == pytest.approx(2 / 3 - 3 / 8)
    assert np.asarray(mutual_neighbours(nearest).sum(1)).tolist() == [[4.0]] * 8


def test_a_direction_counts_by_its_variance_beyond_noise() -> None:
    """With t its variance in units of noise, as a generalised eigenproblem gives it, the variance behind the map is t - 1."""
    feature, _ = _groups(20, 30)
    unit = functional.normalize(feature, dim=1)
    mutual = mutual_neighbours(nearest_others(unit, 10))
    matrix = neighbour_whitening._without_noise(unit, mutual).double().numpy()
    noise = neighbour_whitening._covariance_within(unit, mutual).numpy()
    noise = noise + 0.01 * np.linalg.eigvalsh(noise)[-1] * np.eye(len(noise))
    row = unit.double().numpy() - unit.mean(0).double().numpy()
    total = row.T @ row / len(row)
    beyond = np.maximum(eigh(total, noise, eigvals_only=True) - 1, 0)
    assert (beyond > 0.1).sum() >= 8
    mapped = matrix.T @ total @ matrix
    np.testing.assert_allclose(np.sort(np.diag(mapped)), np.sort(beyond), atol=0.01)
    np.testing.assert_allclose(mapped - np.diag(np.diag(mapped)), 0, atol=1e-4)
