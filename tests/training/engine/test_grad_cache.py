"""GradCache against the plain step: the same gradients, whatever the chunks."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.effective_batch import GOAL, measure
from samekind.training.engine.grad_cache import backward_in_chunks, project_in_chunks
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.similarity import in_batch
from samekind.training.objectives.terms import plain_terms

NUM_VIEWS = 14


def build(*extra: nn.Module) -> nn.Sequential:
    """A seeded network for 1×4×4 images, in float64 so that only logic can differ."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 12), *extra, nn.Tanh(), nn.Linear(12, 5)).double()


def images(count: int = NUM_VIEWS) -> Tensor:
    """Seeded uint8 views."""
    return torch.randint(0, 256, (count, 1, 4, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def floats(views: Tensor) -> Tensor:
    """What a network sees of uint8 views."""
    return views.double() / 255 - 0.5


def loss_of(projections: Tensor) -> Tensor:
    """NT-Xent of the unit-norm rows, first and second half being two views."""
    view_1, view_2 = functional.normalize(projections, dim=1).chunk(2)
    terms = plain_terms(in_batch(view_1, view_2, torch.arange(len(view_1))))
    return mean_over_anchors(softmax_loss(terms, temperature=0.2), terms.contrasted)


def gradients(network: nn.Module) -> Tensor:
    """All parameters' gradients as one vector."""
    return torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])


def cached_gradients(network: nn.Module, views: Tensor | list[Tensor], chunk_size: int) -> Tensor:
    """The gradients that GradCache finds."""

    def project(chunk: Tensor) -> Tensor:
        result: Tensor = network(floats(chunk))
        return result

    network.zero_grad()
    projections, states = project_in_chunks(network, views, chunk_size, project=project)
    loss_of(projections).backward()
    assert projections.grad is not None
    backward_in_chunks(network, views, projections.grad, states, chunk_size, project=project)
    return gradients(network)


def plain_gradients(network: nn.Module, views: Tensor, chunks: list[int] | None = None) -> Tensor:
    """The gradients of one graph over all views, projected at once or in pieces of the given sizes."""
    network.zero_grad()
    parts = [floats(part) for part in views.split(chunks or [len(views)])]
    loss_of(torch.cat([network(part) for part in parts])).backward()
    return gradients(network)


@settings(max_examples=20, deadline=None)
@given(chunk_size=st.integers(1, NUM_VIEWS + 2))
def test_the_gradient_is_that_of_the_whole_batch(chunk_size: int) -> None:
    """Any chunk size, one that does not divide the batch or exceeds it included."""
    network, views = build(), images()
    expected = plain_gradients(network, views)
    torch.testing.assert_close(cached_gradients(network, views, chunk_size), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("chunk_size", [1, 4, 14])
def test_the_gradient_is_exact_with_frozen_norms(chunk_size: int) -> None:
    """BatchNorm in eval mode does not see the batch, so chunks make no difference, and its statistics stay."""
    network = build(nn.BatchNorm1d(12))
    network(floats(images())), network.eval()
    before = copy.deepcopy(dict(network.named_buffers()))
    expected = plain_gradients(network, images())
    torch.testing.assert_close(cached_gradients(network, images(), chunk_size), expected, rtol=1e-5, atol=1e-6)
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())


@pytest.mark.parametrize(("chunk_size", "chunks"), [(14, [14]), (7, [7, 7]), (5, [4, 5, 5])])
def test_dropout_is_replayed(chunk_size: int, chunks: list[int]) -> None:
    """With dropout, the gradient is that of one graph over the same pieces drawn from the same seed."""
    network, views = build(nn.Dropout(0.5)), images()
    torch.manual_seed(7)
    expected = plain_gradients(network, views, chunks)
    torch.manual_seed(7)
    torch.testing.assert_close(cached_gradients(network, views, chunk_size), expected, rtol=1e-5, atol=1e-6)


def test_replaying_does_not_rewind_the_run() -> None:
    """What the loss draws between the passes (mixes do) is not drawn once more after them."""
    network, views = build(nn.Dropout(0.5)), floats(images())
    projections, states = project_in_chunks(network, views, 5)
    torch.rand(3)
    ahead = torch.get_rng_state()
    backward_in_chunks(network, views, torch.ones_like(projections), states, 5)
    assert torch.equal(torch.get_rng_state(), ahead)


@pytest.mark.parametrize(("chunk_size", "chunks"), [(14, [14]), (13, [7, 7]), (5, [4, 5, 5])])
def test_training_norms_see_chunks_and_remember_each_once(chunk_size: int, chunks: list[int]) -> None:
    """With BatchNorm in training mode, gradient and running statistics are those of one graph over the same pieces."""
    network, views = build(nn.BatchNorm1d(12)), images()
    other = copy.deepcopy(network)
    expected = plain_gradients(other, views, chunks)
    torch.testing.assert_close(cached_gradients(network, views, chunk_size), expected, rtol=1e-5, atol=1e-6)
    for (name, got), wanted in zip(network.named_buffers(), other.buffers(), strict=True):
        torch.testing.assert_close(got, wanted, msg=name)
    assert all(norm.track_running_stats for norm in network.modules() if isinstance(norm, nn.BatchNorm1d))


def test_no_chunk_is_too_small_for_its_norms() -> None:
    """A remainder of one row, which BatchNorm refuses, is shared out among the chunks."""
    network = build(nn.BatchNorm1d(12))
    cached_gradients(network, images(13 + 13), 5)


@given(first=st.integers(0, NUM_VIEWS), chunk_size=st.integers(1, NUM_VIEWS))
@settings(max_examples=15, deadline=None)
def test_views_in_pieces_are_views_joined(first: int, chunk_size: int) -> None:
    """Several tensors give the very gradient of one, wherever they are cut."""
    network, views = build(), images()
    pieces = [views[:first], views[first:]]
    assert torch.equal(cached_gradients(network, pieces, chunk_size), cached_gradients(network, views, chunk_size))


def test_no_more_than_a_chunk_is_made_float() -> None:
    """The projector is only ever given `chunk_size` rows, as the bytes they were."""
    network, seen = build(), []

    def project(chunk: Tensor) -> Tensor:
        seen.append((len(chunk), chunk.dtype))
        result: Tensor = network(floats(chunk))
        return result

    project_in_chunks(network, images(), 4, project=project)
    assert max(rows for rows, _ in seen) <= 4
    assert {dtype for _, dtype in seen} == {torch.uint8}


def test_backward_is_the_callers() -> None:
    """Gradients go through the callable, and are scaled if it scales."""
    network, views = build(), floats(images())
    projections, states = project_in_chunks(network, views, 5)
    gradient = torch.ones_like(projections)
    backward_in_chunks(network, views, gradient, states, 5)
    expected = 3 * gradients(network)
    network.zero_grad()
    backward_in_chunks(network, views, gradient, states, 5, backward=lambda loss: (3 * loss).backward())
    torch.testing.assert_close(gradients(network), expected)


def test_what_does_not_belong_together_is_refused() -> None:
    """Other chunks, another gradient, no rows and chunks of none are errors, not silent misalignments."""
    network, views = build(), floats(images())
    projections, states = project_in_chunks(network, views, 5)
    with pytest.raises(ValueError, match="3 random states"):
        backward_in_chunks(network, views, projections, states, 7)
    with pytest.raises(ValueError, match="gradient of 13 rows"):
        backward_in_chunks(network, views, projections[1:], states, 5)
    with pytest.raises(ValueError, match="both must be at least 1"):
        project_in_chunks(network, views, 0)
    with pytest.raises(ValueError, match="both must be at least 1"):
        project_in_chunks(network, views[:0], 4)


@pytest.mark.gpu
def test_dropout_is_replayed_on_the_gpu() -> None:
    """The device's own generator is restored too."""
    network, views = build(nn.Dropout(0.5)).cuda(), images().cuda()
    torch.manual_seed(7)
    expected = plain_gradients(network, views, [4, 5, 5])
    torch.manual_seed(7)
    torch.testing.assert_close(cached_gradients(network, views, 5), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.long
def test_memory_stays_flat() -> None:
    """Sixteen times the batch needs at most 1.3 times the memory, images aside; the step itself grows by a few copies of its projections.

    Python and torch are most of the first figure; the second leaves them out. One matrix of all similarities would add 1 GiB.
    """
    small, large = measure(512, width=8), measure(8192, width=8)
    assert large.own_bytes <= GOAL * small.own_bytes
    grown = (large.own_bytes - large.start_bytes) - (small.own_bytes - small.start_bytes)
    assert grown <= 12 * (2 * 8192 * 128 * 4)
