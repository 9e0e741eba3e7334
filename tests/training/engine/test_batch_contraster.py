"""A batch's contrast in blocks against the same at once, and what becomes of its keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from torch import Tensor

from samekind.training.diagnostics.batch_statistics import FalseNegativeTracker
from samekind.training.diagnostics.probe import BatchLook
from samekind.training.engine.batch_contraster import AgainstKeys, InBatch
from samekind.training.models.key_queue import KeyQueue
from samekind.training.objectives.contrastive import softmax_loss
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import plain_terms
from samekind.training.run.train import train
from tests.training.batches import projections
from tests.training.runs import config, corpus

IMAGES, DIM = 5, 6
INDEX = torch.tensor([3, 1, 4, 1, 5])  # an image twice
OF_ANCHORS = [f.name for f in fields(Contrast) if not f.name.startswith("candidate_")]


def queue() -> KeyQueue:
    """Seven slots, four of them filled, one with an image of the batch."""
    made = KeyQueue(7, DIM)
    made.push(projections(4, seed=9), torch.tensor([8, 4, 7, 6]))
    return made


def in_batch(projected: Tensor) -> InBatch:
    """Ten anchors."""
    return InBatch(projected, INDEX)


def against_keys(projected: Tensor) -> AgainstKeys:
    """The first five of them against keys."""
    return AgainstKeys(projected[:IMAGES], projections(IMAGES, seed=2), INDEX, queue())


Make = Callable[[Tensor], InBatch | AgainstKeys]


@pytest.mark.parametrize("make", [in_batch, against_keys])
def test_blocks_of_anchors_make_the_whole(make: Make) -> None:
    """Side by side, blocks have the anchors of the whole in its order, each with all candidates."""
    contraster = make(projections(2 * IMAGES))
    whole, rows = contraster.contrast(), [slice(0, 3), slice(3, 4), slice(4, contraster.num_anchors)]
    blocks = [contraster.contrast(some) for some in rows]
    for name in OF_ANCHORS:
        torch.testing.assert_close(
            torch.cat([getattr(block, name) for block in blocks]), getattr(whole, name), msg=name
        )
    assert whole.candidate.shape == (contraster.num_anchors, contraster.num_candidates)
    assert all(torch.equal(block.candidate_vector, whole.candidate_vector) for block in blocks)


@pytest.mark.parametrize("make", [in_batch, against_keys])
def test_a_leaf_of_its_own_gets_the_gradient_that_the_graph_would(make: Make) -> None:
    """Projections that were handed in without a graph: `own_gradient` is what backward gives those with one."""
    with_graph = projections(2 * IMAGES).requires_grad_()
    loss(make(with_graph)).backward()
    contraster = make(projections(2 * IMAGES))
    contraster.projected.requires_grad_()
    loss(contraster).backward()
    assert with_graph.grad is not None
    torch.testing.assert_close(contraster.own_gradient(), with_graph.grad[: contraster.num_anchors])


def loss(contraster: InBatch | AgainstKeys) -> Tensor:
    """InfoNCE over all anchors."""
    return softmax_loss(plain_terms(contraster.contrast()), temperature=0.2).sum()


def test_keys_are_contrasted_before_they_are_remembered() -> None:
    """A batch meets the keys that were there; its own come into the queue afterwards, in order, and change no contrast made before."""
    older, keys = queue(), projections(IMAGES, seed=2)
    contraster = AgainstKeys(projections(IMAGES), keys, INDEX, older)
    before = contraster.contrast()
    assert torch.equal(before.candidate_vector, torch.cat([keys, older.keys]))
    assert before.candidate_index.tolist() == [*INDEX.tolist(), 8, 4, 7, 6, -1, -1, -1]
    contraster.remember_keys()
    assert older.index.tolist() == [1, 5, 7, 6, 3, 1, 4]  # around the end
    torch.testing.assert_close(older.keys[4:], keys[:3])
    after = contraster.contrast()
    assert all(torch.equal(getattr(after, name), getattr(before, name)) for name in OF_ANCHORS)


@pytest.mark.parametrize("queue_size", [0, 64])
def test_a_step_in_blocks_shows_the_tracker_one_and_the_probe_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queue_size: int
) -> None:
    """Once a step the tracker, with any few anchors; the probe sees every anchor, in order."""
    tracked, seen = list[int](), list[int]()
    update, look = FalseNegativeTracker.update, BatchLook.update

    def track(self: FalseNegativeTracker, contrast: Contrast, *rest: Tensor) -> None:
        tracked.append(len(contrast.anchor_index))
        update(self, contrast, *rest)  # type: ignore[arg-type]

    def watch(self: BatchLook, contrast: Contrast, gradient_AM: Tensor) -> None:
        seen.append(len(contrast.anchor_index))
        look(self, contrast, gradient_AM)

    monkeypatch.setattr(FalseNegativeTracker, "update", track)
    monkeypatch.setattr(BatchLook, "update", watch)
    monkeypatch.setattr("samekind.training.engine.row_blocks.BLOCK_BYTES", 2000)
    run = train(corpus(), config(effective_batch=48, queue_size=queue_size, hold_out=0), tmp_path)
    anchors = 48 if queue_size else 96
    assert tracked == [tracked[0]] * run.summary["steps"]
    assert tracked[0] < anchors
    assert sum(seen) == anchors * run.summary["steps"]
