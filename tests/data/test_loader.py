"""Batches: the same for any number of workers, complete, and resumable."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samekind.core.errors import InputError
from samekind.data.loader import Batch, ViewLoader, keep_groups_together
from samekind.data.types.images import Pixels
from samekind.data.views.two_view import TwoViewTransform


def numbered(count: int, channels: int = 1) -> Pixels:
    """Images whose pixels all hold the image's number."""
    return np.arange(count, dtype=np.uint8)[:, None, None, None].repeat(12, 1).repeat(12, 2).repeat(channels, 3)


def same(a: list[Batch], b: list[Batch]) -> bool:
    """True if two runs served the very same batches."""
    return len(a) == len(b) and all(
        torch.equal(p, q) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True)
    )


@pytest.fixture(scope="module")
def photos() -> Pixels:
    """Random colour images, larger than the views."""
    return np.random.default_rng(0).integers(0, 256, (70, 20, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_do_not_change_the_views(photos: Pixels, workers: int) -> None:
    """Each epoch is bitwise the same with and without workers, also after an epoch that was left early."""
    transform = TwoViewTransform(16, 3)
    alone, helped = (ViewLoader(photos, transform, 16, seed=7, workers=n) for n in (0, workers))
    expected = [list(alone.epoch(e)) for e in range(3)]
    assert same(list(helped.epoch(0)), expected[0])
    left_early = helped.epoch(1)
    next(left_early)
    left_early.close()
    assert same(list(helped.epoch(2)), expected[2])
    assert same(list(helped.epoch(1, start_batch=2)), expected[1][2:])


def test_a_batch_is_what_it_says(photos: Pixels) -> None:
    """Shapes, types, and `index` names the rows: without any change the views are those images, channels first."""
    loader = ViewLoader(photos[:, :16, :16].copy(), TwoViewTransform(16, 3, "none"), 8)
    for batch in loader.epoch(0):
        assert batch.view_1.shape == batch.view_2.shape == (8, 3, 16, 16)
        assert batch.view_1.dtype == torch.uint8
        assert batch.index.dtype == torch.int64
        expected = torch.from_numpy(photos[batch.index.numpy(), :16, :16]).permute(0, 3, 1, 2)
        assert torch.equal(batch.view_1, expected)
        assert torch.equal(batch.view_2, expected)
        assert batch.view_1.is_contiguous(memory_format=torch.channels_last)


def test_an_epoch_visits_every_image_at_most_once_in_a_new_order() -> None:
    """Full batches of distinct images; epochs and seeds shuffle differently, and the same ones alike."""
    images = numbered(50)
    loader = ViewLoader(images, TwoViewTransform(12, 1, "light"), 8, seed=1)
    orders = [torch.cat([batch.index for batch in loader.epoch(e)]).tolist() for e in (0, 1, 0)]
    assert len(loader) == 6
    assert all(len(set(order)) == len(order) == 48 for order in orders)
    assert orders[0] == orders[2] != orders[1]
    other = ViewLoader(images, TwoViewTransform(12, 1, "light"), 8, seed=2)
    assert torch.cat([batch.index for batch in other.epoch(0)]).tolist() != orders[0]


def test_views_change_from_epoch_to_epoch(photos: Pixels) -> None:
    """An image is augmented differently in each epoch, and differently in its two views."""
    loader = ViewLoader(photos[:2], TwoViewTransform(16, 3), 2)
    seen = []
    for epoch in range(3):
        for batch in loader.epoch(epoch):
            at = int((batch.index == 0).nonzero())
            seen += [batch.view_1[at].numpy().tobytes(), batch.view_2[at].numpy().tobytes()]
    assert len(set(seen)) == 6


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"), [(10, 4, [4, 4]), (9, 4, [4, 4]), (3, 8, [3]), (8, 8, [8]), (2, 256, [2])]
)
def test_batch_sizes(count: int, batch_size: int, sizes: list[int]) -> None:
    """Images that fill no batch are left out, and too few for one still make a smaller one."""
    loader = ViewLoader(numbered(count), TwoViewTransform(12, 1, "none"), batch_size)
    assert len(loader) == len(sizes)
    assert [len(batch.index) for batch in loader.epoch(0)] == sizes
    assert [len(batch.index) for batch in loader.epoch(0, start_batch=1)] == sizes[1:]
    assert list(loader.epoch(0, start_batch=99)) == []


def test_a_signal_to_the_whole_group_leaves_the_workers_to_their_parent(photos: Pixels) -> None:
    """They serve the step in hand after Ctrl-C or SIGTERM, and end when the loader is closed."""
    before = set(multiprocessing.active_children())
    loader = ViewLoader(photos, TwoViewTransform(16, 3), 16, workers=2)
    batches = loader.epoch(0)
    next(batches), next(batches)  # one of each worker: both have begun
    workers = set(multiprocessing.active_children()) - before
    for worker in workers:
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(worker.pid or 0, number)
    assert len(list(batches)) == 2
    assert len(list(loader.epoch(1))) == 4
    assert all(worker.is_alive() for worker in workers)
    loader.close()
    assert set(multiprocessing.active_children()) <= before


def test_closing_ends_the_workers(photos: Pixels) -> None:
    """After `close`, also in the midst of an epoch, no worker is left; a closed loader says so, and closing again is harmless."""
    before = set(multiprocessing.active_children())
    loader = ViewLoader(photos, TwoViewTransform(16, 3), 16, workers=2)
    next(loader.epoch(0))
    assert len(set(multiprocessing.active_children()) - before) == 2
    loader.close()
    loader.close()
    assert set(multiprocessing.active_children()) <= before
    with pytest.raises(InputError, match="closed"):
        next(loader.epoch(0))


@pytest.mark.slow
def test_an_unclosed_loader_leaves_the_interpreter_in_peace() -> None:
    """A script that ends in the midst of an epoch writes nothing to stderr and exits with 0."""
    script = (
        "import numpy as np; from samekind.data.loader import ViewLoader; from samekind.data.views.two_view import TwoViewTransform\n"
        "loader = ViewLoader(np.zeros((64, 16, 16, 1), np.uint8), TwoViewTransform(16, 1), 4, workers=2)\n"
        "batches = loader.epoch(0); next(batches)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False, cwd=root
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_bad_arguments() -> None:
    """What cannot make a batch of two views with a negative is refused at once."""
    transform = TwoViewTransform(12, 1)
    with pytest.raises(InputError, match="at least 2 images"):
        ViewLoader(numbered(1), transform, 4)
    with pytest.raises(InputError, match="batch size"):
        ViewLoader(numbered(4), transform, 1)
    with pytest.raises(InputError, match="negative"):
        ViewLoader(numbered(4), transform, 2, seed=-1)
    with pytest.raises(InputError, match="negative"):
        next(ViewLoader(numbered(4), transform, 2).epoch(-1))


@given(groups=st.lists(st.integers(0, 5), max_size=40), most=st.integers(1, 5), seed=st.integers(0, 20))
def test_images_of_a_must_link_group_come_together(groups: list[int], most: int, seed: int) -> None:
    """Every row once; the slow way, taking the next that is not yet there and then up to `most − 1` of its group that follow it."""
    order = np.random.default_rng(seed).permutation(len(groups))
    expected: list[int] = []
    for row in order.tolist():
        if row not in expected:
            mates = [other for other in order.tolist() if groups[other] == groups[row] and other not in expected]
            expected += mates[:most]
    assert keep_groups_together(order, np.array(groups, dtype=np.int64), most).tolist() == expected


def test_rows_that_are_alone_keep_their_places(photos: Pixels) -> None:
    """With groups of their own the loader serves what it would serve without."""
    transform = TwoViewTransform(16, 3)
    plain, alone = (ViewLoader(photos, transform, 16, groups=groups) for groups in (None, np.arange(len(photos))))
    assert same(list(plain.epoch(0)), list(alone.epoch(0)))
    paired = ViewLoader(photos, transform, 16, groups=np.arange(len(photos)) // 2)
    for batch in paired.epoch(0):
        rows = batch.index.tolist()
        assert sum(row ^ 1 in rows for row in rows) >= len(rows) - 2
