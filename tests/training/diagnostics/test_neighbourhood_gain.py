"""Gain of an adapted space over the frozen one, by neighbourhoods."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from samekind.training.diagnostics.neighbourhood_gain import neighbourhood_gain, neighbours_among


def space(spread: float = 0.6, noise: float = 0.5, seed: int = 0) -> Tensor:
    """120 images of six groups, and two views of each: `(120, 3, 8)` unit-norm rows."""
    draw = torch.Generator().manual_seed(seed)
    group = functional.normalize(torch.randn(6, 8, generator=draw), dim=1).repeat_interleave(20, dim=0)
    image = group + spread * torch.randn(120, 8, generator=draw) / 8**0.5
    views = noise * torch.randn(120, 2, 8, generator=draw) / 8**0.5
    return functional.normalize(torch.cat([image[:, None], image[:, None] + views], dim=1), dim=2)


def by_loops(frozen: Tensor, adapted: Tensor, k: int) -> float:
    """The same with sets, image by image."""

    def near(rows: Tensor, image: int, view: int) -> set[int]:
        others = [other for other in range(len(rows)) if other != image]
        return set(sorted(others, key=lambda other: -float(rows[image, view] @ rows[other, 0]))[:k])

    def shared(rows: Tensor) -> float:
        nearest = [near(rows, image, 0) for image in range(len(rows))]
        return float(np.mean([len(of & nearest[other]) / k for of in nearest for other in of])) - k / len(rows)

    def kept(rows: Tensor) -> float:
        ways = [(image, *views) for image in range(len(rows)) for views in ((1, 2), (2, 1))]
        return float(np.mean([len(near(rows, i, a) & near(frozen, i, b)) / k for i, a, b in ways]))

    return shared(adapted) - shared(frozen) + kept(adapted) - kept(frozen)


def test_it_is_that_of_the_loops() -> None:
    """For a space that has lost some directions and gained some noise."""
    frozen = space()
    adapted = functional.normalize(frozen * torch.linspace(1.5, 0.2, 8) + 0.1 * space(seed=1), dim=2)
    assert neighbourhood_gain(frozen, adapted, 5) == pytest.approx(by_loops(frozen, adapted, 5), abs=1e-5)


def test_what_changes_nothing_gains_nothing() -> None:
    """The same space, and a rotated one."""
    frozen = space()
    rotation = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(3)))[0]
    assert neighbourhood_gain(frozen, frozen) == 0
    assert neighbourhood_gain(frozen, frozen @ rotation) == pytest.approx(0, abs=1e-3)


def test_clearer_groups_gain_and_scattered_ones_lose() -> None:
    """Images moved towards the middle of their group, and images moved anywhere; also where only the views move."""
    frozen = space()
    middle = frozen[:, 0].reshape(6, 20, 8).mean(1).repeat_interleave(20, dim=0)[:, None]
    assert neighbourhood_gain(frozen, functional.normalize(frozen + middle, dim=2), 10) > 0.05
    anywhere = functional.normalize(torch.randn(120, 1, 8, generator=torch.Generator().manual_seed(2)), dim=2)
    assert neighbourhood_gain(frozen, functional.normalize(frozen + anywhere, dim=2), 10) < -0.05
    quiet = torch.cat([frozen[:, :1], functional.normalize(frozen[:, 1:] + frozen[:, :1], dim=2)], dim=1)
    assert neighbourhood_gain(frozen, quiet, 10) > 0.01


def test_as_many_neighbours_as_the_images_allow() -> None:
    """A fortieth of them, 5 to 20."""
    assert [neighbours_among(images) for images in (60, 200, 450, 800, 5000)] == [5, 5, 11, 20, 20]
