"""The patch encoder: shapes, and no patch leaks into another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from samekind.core.errors import InputError
from tests.training.patch_networks import SIZE, encoder, images, network


@pytest.mark.parametrize(
    ("size", "grid"), [(8, 1), (9, 2), (16, 3), (28, 6), (30, 7), (32, 7), (48, 11), (50, 6), (64, 7)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(size: int, grid: int, channels: int) -> None:
    """Grid and feature have the promised shapes; the feature has no more cells than the grid."""
    backbone = encoder(channels, size)
    batch = images(2, channels, size)
    cells = min(3, grid)
    assert backbone.grid(batch).shape == (2, grid, grid, 16)
    assert backbone.grid_size == grid
    assert backbone(batch).shape == (2, 16 * cells**2) == (2, backbone.feature_dim)


@pytest.mark.parametrize("size", [SIZE, 51])
def test_no_patch_leaks_into_another(size: int) -> None:
    """Another pixel changes the codes of the patches that hold it, bit by bit no other, in training mode; and every pixel is in one."""
    backbone = encoder(size=size).train()
    before = images(2, size=size)
    codes = backbone.grid(before)
    for row, column in [(0, 0), (9, 13), (size - 1, 7), (size - 1, size - 1)]:
        after = before.clone()
        after[0, 0, row, column] += 3
        changed = (backbone.grid(after) != codes).any(3)
        holds = [
            [
                all(0 <= at + backbone.margin[0] - backbone.stride * i < backbone.patch for at, i in ((row, r), (column, c)))
                for c in range(backbone.grid_size)
            ]
            for r in range(backbone.grid_size)
        ]  # fmt: skip
        assert np.any(holds)
        assert changed[0].tolist() == holds
        assert not changed[1].any()


def test_a_code_is_that_of_its_patch_alone() -> None:
    """The grid is the network on each patch by itself, cut out by hand: rows are rows."""
    backbone = encoder(channels=3)
    batch = images(2, 3, SIZE)
    grid = backbone.grid(batch)
    for image, row, column in [(0, 0, 5), (1, 4, 2)]:
        patch = batch[image, :, 4 * row : 4 * row + 8, 4 * column : 4 * column + 8]
        torch.testing.assert_close(backbone.network(patch[None]).flatten(), grid[image, row, column])


def test_a_normalisation_across_patches_is_noticed() -> None:
    """The test above would see a BatchNorm: with one, all codes change; without, the encoder has none."""
    backbone = encoder()
    assert not [m for m in backbone.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    backbone.network.append(nn.BatchNorm1d(backbone.grid_dim))
    before = images(2, size=SIZE)
    after = before.clone()
    after[0, 0, 0, 0] += 3
    assert (backbone.grid(after) != backbone.grid(before)).any(3).all()


def test_sizes_that_do_not_fit_are_refused() -> None:
    """Images below one patch, images of another size, and a single row of patches, with the remedy."""
    with pytest.raises(InputError, match="images of 7 px are smaller than a patch of 8 px") as small:
        encoder(size=7)
    assert "--image-size 8" in (small.value.hint or "")
    with pytest.raises(InputError, match="20 × 20 px, the patch grid was made for 28 × 28 px"):
        encoder().grid(images(1))
    with pytest.raises(InputError, match="one row of patches") as flat:
        network(size=8)
    assert "--image-size 12" in (flat.value.hint or "")
