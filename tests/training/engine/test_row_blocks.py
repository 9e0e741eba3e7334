"""The loss in blocks of rows against the loss at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from samekind.training.engine.row_blocks import backward_in_row_blocks, rows_per_block
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.similarity import Contrast, against_keys, against_keys_rows, in_batch, in_batch_rows
from samekind.training.objectives.terms import Terms, plain_terms

IMAGES = 6
INDEX = torch.tensor([4, 1, 7, 4, 0, 2])  # an image twice: some candidates are neither positive nor negative
FIELDS = tuple(Contrast.__dataclass_fields__)
BLOCKS = [1, 7, 2 * IMAGES, 50]


def projections(rows: int, seed: int = 0) -> Tensor:
    """Seeded unit-norm rows."""
    return functional.normalize(torch.randn(rows, 6, generator=torch.Generator().manual_seed(seed)), dim=1)


def plain(contrast: Contrast) -> tuple[Tensor, Terms]:
    """InfoNCE per anchor, and the terms it saw."""
    terms = plain_terms(contrast)
    return softmax_loss(terms, temperature=0.2), terms


def hard(contrast: Contrast) -> tuple[Tensor, Terms]:
    """Hard negatives per anchor, debiased, and the terms it saw."""
    terms = plain_terms(contrast, beta=1.0, temperature=0.2)
    return softmax_loss(terms, temperature=0.2, tau_plus=0.1), terms


Objective = Callable[[Contrast], tuple[Tensor, Terms]]


def in_blocks(objective: Objective) -> Callable[[Contrast], tuple[Tensor, Tensor]]:
    """An objective as `backward_in_row_blocks` takes it."""

    def per_anchor(contrast: Contrast) -> tuple[Tensor, Tensor]:
        loss, terms = objective(contrast)
        return loss, terms.contrasted

    return per_anchor


def at_once(objective: Objective, contrast: Contrast) -> Tensor:
    """The whole batch's loss."""
    loss, terms = objective(contrast)
    return mean_over_anchors(loss, terms.contrasted)


def leaf(rows: int = 2 * IMAGES) -> Tensor:
    """Seeded projections that require a gradient."""
    return projections(rows).requires_grad_()


def gradient(tensor: Tensor) -> Tensor:
    """The gradient that must be there."""
    assert tensor.grad is not None
    return tensor.grad


def same(got: Contrast, whole: Contrast, rows: slice | Tensor) -> None:
    """Every field of a block is that of the whole, its candidates' ones in full."""
    for name in FIELDS:
        expected = getattr(whole, name)
        torch.testing.assert_close(
            getattr(got, name),
            expected if name in ("candidate_index", "candidate_vector") else expected[rows],
            msg=name,
        )


@pytest.mark.parametrize("rows", [slice(0, 12), slice(3, 8), slice(11, 12), torch.tensor([2, 3, 8, 9])])
def test_rows_of_a_batch(rows: slice | Tensor) -> None:
    """A block of in-batch anchors is the slice of the whole matrix."""
    both, index = projections(2 * IMAGES), torch.cat([INDEX, INDEX])
    same(in_batch_rows(both, index, rows), in_batch(both[:IMAGES], both[IMAGES:], INDEX), rows)


@pytest.mark.parametrize("rows", [slice(0, 6), slice(2, 5), torch.tensor([5, 0])])
def test_rows_against_keys(rows: slice | Tensor) -> None:
    """A block of anchors against keys is the slice of the whole matrix, empty slots and an image's older keys included."""
    anchors, keys, queue = projections(IMAGES), projections(IMAGES, 1), projections(4, 2)
    queue_index = torch.tensor([7, 9, -1, 4])
    whole = against_keys(anchors, keys, INDEX, queue, queue_index)
    same(against_keys_rows(anchors, torch.cat([keys, queue]), torch.cat([INDEX, queue_index]), rows), whole, rows)


@pytest.mark.parametrize("objective", [plain, hard])
@pytest.mark.parametrize("block_rows", BLOCKS)
def test_blocks_are_the_whole(objective: Objective, block_rows: int) -> None:
    """In batch: loss, gradient of the projections and, block by block, gradient of the similarities."""
    both, index = leaf(), torch.cat([INDEX, INDEX])
    contrast = in_batch(both[:IMAGES], both[IMAGES:], INDEX)
    contrast.candidate.retain_grad()
    expected = at_once(objective, contrast)
    expected.backward()
    blocked, seen = leaf(), list[Tensor]()
    loss = backward_in_row_blocks(
        lambda rows: in_batch_rows(blocked, index, rows), in_blocks(objective), [blocked],
        num_anchors=len(blocked), block_rows=block_rows, observe=lambda block: seen.append(block.gradient),
    )  # fmt: skip
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient(blocked), gradient(both), rtol=1e-5, atol=1e-6)
    # In the whole the gradient of the positives arrives through `candidate` as it does in a block.
    torch.testing.assert_close(torch.cat(seen), gradient(contrast.candidate), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("block_rows", BLOCKS)
def test_blocks_against_keys_are_the_whole(block_rows: int) -> None:
    """Against momentum keys and a queue: loss and gradient of the anchors."""
    keys, queue, queue_index = projections(IMAGES, 1), projections(4, 2), torch.tensor([7, 9, -1, 4])
    anchors = leaf(IMAGES)
    expected = at_once(hard, against_keys(anchors, keys, INDEX, queue, queue_index))
    expected.backward()
    blocked, all_keys, all_index = leaf(IMAGES), torch.cat([keys, queue]), torch.cat([INDEX, queue_index])
    loss = backward_in_row_blocks(
        lambda rows: against_keys_rows(blocked, all_keys, all_index, rows), in_blocks(hard), [blocked],
        num_anchors=IMAGES, block_rows=block_rows,
    )  # fmt: skip
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient(blocked), gradient(anchors), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("block_rows", [1, 2, 4])
def test_anchors_without_negatives_leave_the_mean(block_rows: int) -> None:
    """The divisor is known only at the end: an anchor whose only other key is of its own image does not dilute the mean."""
    index, queue_index = torch.tensor([3, 3, 3, 5]), torch.tensor([-1])
    anchors, keys, queue = leaf(4), projections(4, 1), projections(1, 2)
    whole = against_keys(anchors, keys, index, queue, queue_index)
    lonely = (
        torch.tensor([False, True, True, True])[:, None] & whole.is_negative
    )  # say, a treatment left the first none

    def kept(contrast: Contrast, mask: Tensor) -> Contrast:
        return Contrast(**{**{name: getattr(contrast, name) for name in FIELDS}, "is_negative": mask})

    expected = at_once(plain, kept(whole, lonely))
    expected.backward()
    blocked, all_keys, all_index = leaf(4), torch.cat([keys, queue]), torch.cat([index, queue_index])
    loss = backward_in_row_blocks(
        lambda rows: kept(against_keys_rows(blocked, all_keys, all_index, rows), lonely[rows]), in_blocks(plain),
        [blocked], num_anchors=4, block_rows=block_rows,
    )  # fmt: skip
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(gradient(blocked), gradient(anchors), rtol=1e-5, atol=1e-6)


def test_nothing_to_contrast_is_zero() -> None:
    """One image alone: loss and gradient are 0, not NaN."""
    both, index = leaf(2), torch.tensor([0, 0])
    loss = backward_in_row_blocks(
        lambda rows: in_batch_rows(both, index, rows), in_blocks(hard), [both], num_anchors=2, block_rows=1
    )
    assert loss.item() == 0.0
    assert not gradient(both).any()


def test_the_objectives_own_parameters_get_their_gradient_too() -> None:
    """A learned scalar is one more leaf, and what `.grad` already holds is added to."""
    index = torch.cat([INDEX, INDEX])

    def run(block_rows: int) -> tuple[Tensor, Tensor]:
        both, scale = leaf(), torch.tensor(2.0, requires_grad=True)
        both.grad = torch.ones_like(both)

        def scaled(contrast: Contrast) -> tuple[Tensor, Tensor]:
            loss, counts = in_blocks(plain)(contrast)
            return loss * scale, counts

        backward_in_row_blocks(
            lambda rows: in_batch_rows(both, index, rows), scaled, [both, scale], num_anchors=12, block_rows=block_rows
        )
        return gradient(both), gradient(scale)

    plain_loss = at_once(plain, in_batch(projections(12)[:IMAGES], projections(12)[IMAGES:], INDEX))
    for block_rows in BLOCKS:
        by_projection, by_scale = run(block_rows)
        torch.testing.assert_close(by_scale, plain_loss)
        torch.testing.assert_close(by_projection.sum(), run(12)[0].sum())
        assert by_projection.mean().item() == pytest.approx(1.0, abs=0.2)  # the ones, and a small gradient


def test_no_block_has_more_rows_than_asked() -> None:
    """Blocks cover the anchors once, in order; their size follows from what they may take."""
    both, index, seen = leaf(), torch.cat([INDEX, INDEX]), list[int]()

    def make_block(rows: slice) -> Contrast:
        seen.extend(range(rows.start, rows.stop))
        assert rows.stop - rows.start <= 5
        return in_batch_rows(both, index, rows)

    backward_in_row_blocks(make_block, in_blocks(plain), [both], num_anchors=12, block_rows=5)
    assert seen == list(range(12))
    assert rows_per_block(16_384, 32 * 2**20) == 512
    assert rows_per_block(10**9) == 1
    with pytest.raises(ValueError, match="blocks of 0"):
        backward_in_row_blocks(make_block, in_blocks(plain), [both], num_anchors=12, block_rows=0)
