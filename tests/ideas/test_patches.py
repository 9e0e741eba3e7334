"""The patch grid, held to the networks that train on it; drawn samples and views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import samekind as sk
from samekind import ideas
from samekind.training.models.patches import PatchEncoder
from samekind.training.objectives.cpc import ContextNetwork, CpcNetwork
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder


@pytest.mark.parametrize("side", [32, 64])
def test_the_grid_is_that_of_the_patch_encoder(side: int) -> None:
    """As many patches a side, and a change of pixels changes the codes of exactly the cells whose patches hold them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)  # and wide enough that no patch falls below zero in every channel
        grid, encoder = ideas.PatchGrid.of(side), PatchEncoder(1, 32, side, 1)
    assert (grid.size, grid.patch, grid.stride) == (encoder.grid_size, encoder.patch, encoder.stride)
    images = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    changed = images.clone()
    changed[0, 0, 3, side // 2] += 1
    with torch.no_grad():
        moved = (encoder.grid(images) != encoder.grid(changed)).any(-1)[0].numpy()
    holds = np.zeros((grid.size, grid.size), dtype=bool)
    for row in range(grid.size):
        for column in range(grid.size):
            before, after = (part[0].numpy().astype(np.float64) for part in (images, changed))
            holds[row, column] = (grid.pixels(before, row, column) != grid.pixels(after, row, column)).any()
    assert np.array_equal(moved, holds)


def test_a_side_that_leaves_pixels_over_is_refused() -> None:
    """30 px have a margin in training, which the picture on the page would not show; 28 have none."""
    with pytest.raises(sk.InputError, match="30 px"):
        ideas.PatchGrid.of(30)
    assert ideas.PatchGrid.of(28).size == 6


@pytest.mark.parametrize("cell", [(0, 0), (3, 3), (5, 6), (6, 1)])
def test_the_context_sees_what_the_network_sees(cell: tuple[int, int]) -> None:
    """Cells with a gradient to a context are those of `context`, in a network whose weights and codes are all positive."""
    network = ContextNetwork(4)
    for parameter in network.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    codes = torch.ones(1, 7, 7, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(network(codes)[0, cell[0], cell[1]].sum(), codes)
    seen = {(int(r), int(c)) for r, c in slope[0].abs().sum(-1).nonzero()}
    assert ideas.PatchGrid.of(64).context(*cell) == seen


def test_the_predictions_are_those_that_training_draws_from() -> None:
    """An image has as many as the network can draw without repetition, and each has the target k rows below."""
    grid = ideas.PatchGrid.of(64)
    network = CpcNetwork(PatchEncoder(1, 4, 64, 1), max_anchors=10_000)
    contrast, _ = network.contrast(torch.rand(1, 1, 64, 64), torch.zeros(1, dtype=torch.int64))
    assert grid.num_predictions() == len(contrast.positive) == 105
    assert grid.target(2, 5, 3) == (5, 5)
    assert grid.target(4, 5, 3) is None


def test_pixels_alone_find_what_goes_on_downwards() -> None:
    """Stripes that run down are found at any distance, equal images by chance, and noise nearly never."""
    grid, generator = ideas.PatchGrid.of(32), np.random.default_rng(0)
    stripes = np.repeat(generator.random((8, 1, 32)), 32, axis=1)
    assert ideas.patch_hits(stripes, grid, 5) == 1.0
    assert ideas.patch_hits(np.repeat(stripes[:1], 8, axis=0), grid, 1) == pytest.approx(1 / 8)
    assert ideas.patch_hits(np.zeros((4, 32, 32)), grid, 2) == pytest.approx(1 / 4)
    assert ideas.patch_hits(generator.random((8, 32, 32)), grid, 4) < 0.3


def test_a_sample_is_rows_of_the_index(tmp_path: Path) -> None:
    """Vectors and labels are those of the drawn rows; the same seed draws the same, another seed others, and never one twice."""
    labels = [None if i % 5 == 0 else f"kind {i % 3}" for i in range(60)]
    save_encoder(FakeEncoder(), tmp_path)
    index = sk.build_index(sk.Corpus.from_arrays(list(kinds()), labels), FakeEncoder(), tmp_path)
    drawn = ideas.draw(index, 20, seed=1)
    assert len(set(drawn.row_M.tolist())) == len(drawn) == 20
    assert np.array_equal(drawn.vector_MD, index.vectors()[drawn.row_M])
    assert index.labels is not None
    for i, row in enumerate(drawn.row_M):
        for j, other in enumerate(drawn.row_M):
            expected = index.same_class(index.labels[row], index.labels[other])
            assert drawn.false_MM[i, j] == (-1 if expected is None else int(expected))
    assert np.array_equal(ideas.draw(index, 20, seed=1).row_M, drawn.row_M)
    assert not np.array_equal(ideas.draw(index, 20, seed=2).row_M, drawn.row_M)
    assert len(ideas.draw(index, 1000)) == 60


def test_views_are_those_of_the_policies() -> None:
    """Every policy has its views as `TwoViewTransform` draws them; without augmentation they all are the image itself."""
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    views = ideas.augmented_views(image, 40, count=3, seed=5)
    assert list(views) == ["none", "light", "medium", "heavy"]
    assert all(np.array_equal(view, np.asarray(image)) for view in views["none"])
    first, second = sk.TwoViewTransform(40, 3, "heavy", seed=5)(image)
    assert np.array_equal(views["heavy"][0], first)
    assert np.array_equal(views["heavy"][1], second)
    assert len(views["heavy"]) == 3
    assert ideas.augmented_views(image.convert("L"), 16)["medium"][0].shape == (16, 16, 1)
