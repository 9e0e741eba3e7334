"""The objectives against slow loops, closed forms and each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.training import slow_loops
from training.objectives import contrastive, hard, info_nce
from training.similarity import Contrast, against_keys, in_batch


def projections(rows: int, seed: int = 0, dim: int = 6) -> Tensor:
    """Seeded unit-norm rows."""
    return torch.nn.functional.normalize(torch.randn(rows, dim, generator=torch.Generator().manual_seed(seed)), dim=1)


def batch(rows: int, seed: int = 0) -> Contrast:
    """Two seeded views of `rows` images."""
    return in_batch(projections(rows, seed), projections(rows, seed + 1), torch.arange(rows))


def as_arrays(contrast: Contrast) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the slow loops take."""
    return contrast.positive.double().numpy(), contrast.candidate.double().numpy(), contrast.is_negative.numpy()


def with_mask(contrast: Contrast, mask: Tensor) -> Contrast:
    """The same similarities with other negatives."""
    return Contrast(contrast.positive, contrast.candidate, mask, contrast.anchor_index, contrast.candidate_index)


@given(
    rows=st.integers(2, 7),
    seed=st.integers(0, 50),
    temperature=st.floats(0.05, 2),
    beta=st.floats(0, 3),
    tau_plus=st.floats(0, 0.6),
)
def test_hard_is_the_slow_loop(rows: int, seed: int, temperature: float, beta: float, tau_plus: float) -> None:
    """Any batch, temperature, hardness and prior: the value of the paper's loop, negative cosines included."""
    contrast = batch(rows, seed)
    got = hard(contrast, temperature=temperature, beta=beta, tau_plus=tau_plus)
    assert got.item() == pytest.approx(
        slow_loops.hard(*as_arrays(contrast), temperature, beta, tau_plus), rel=2e-4, abs=2e-5
    )


@given(rows=st.integers(2, 7), seed=st.integers(0, 50), temperature=st.floats(0.05, 2))
def test_info_nce_is_the_slow_loop(rows: int, seed: int, temperature: float) -> None:
    """The value of the paper's loop."""
    contrast = batch(rows, seed)
    expected = slow_loops.info_nce(*as_arrays(contrast), temperature)
    assert info_nce(contrast, temperature=temperature).item() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_without_hardness_and_prior_hard_is_info_nce() -> None:
    """β = 0, τ⁺ = 0: the same value and the same gradient."""
    values, gradients = [], []
    for plain in (True, False):
        view = projections(5).requires_grad_()
        contrast = in_batch(view, projections(5, 1), torch.arange(5))
        loss = info_nce(contrast, temperature=0.2) if plain else hard(contrast, temperature=0.2, beta=0.0, tau_plus=0.0)
        loss.backward()
        values.append(loss.detach())
        gradients.append(view.grad)
    torch.testing.assert_close(values[0], values[1])
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("negatives", [1, 5, 100])
def test_equal_similarities_give_log_of_one_plus_n(negatives: int) -> None:
    """If nothing tells the positive from N negatives the loss is log(1 + N), whatever the hardness."""
    contrast = Contrast(
        torch.zeros(3),
        torch.zeros(3, negatives),
        torch.ones(3, negatives, dtype=torch.bool),
        torch.arange(3),
        torch.arange(negatives),
    )
    assert info_nce(contrast, temperature=0.1).item() == pytest.approx(math.log(1 + negatives))
    assert hard(contrast, temperature=0.1, beta=2.0, tau_plus=0.0).item() == pytest.approx(
        math.log(1 + negatives), rel=1e-5
    )


def test_hardness_raises_the_loss() -> None:
    """Weight on the harder negatives can only add to the negatives' mass."""
    contrast = batch(16)
    losses = [hard(contrast, temperature=0.2, beta=beta, tau_plus=0.0).item() for beta in (0.0, 0.5, 1.0, 2.0)]
    assert losses == sorted(losses)
    assert losses[-1] > losses[0] + 0.1


def test_an_anchor_without_negatives_leaves_the_mean() -> None:
    """Masking one row out gives the mean over the others; masking all gives 0 and a zero gradient, not NaN."""
    contrast = batch(4)
    mask = contrast.is_negative.clone()
    mask[0] = False
    per_anchor = contrastive(contrast, temperature=0.2)
    assert info_nce(with_mask(contrast, mask), temperature=0.2).item() == pytest.approx(
        per_anchor[1:].mean().item(), rel=1e-5
    )
    candidate = contrast.candidate.clone().requires_grad_()
    nothing = Contrast(
        contrast.positive, candidate, torch.zeros_like(mask), contrast.anchor_index, contrast.candidate_index
    )
    loss = hard(nothing, temperature=0.2, beta=1.0, tau_plus=0.1)
    loss.backward()
    assert loss.item() == 0
    assert candidate.grad is not None
    assert candidate.grad.abs().sum() == 0


def test_a_single_image_has_no_negatives() -> None:
    """B = 1: the loss is 0."""
    assert info_nce(batch(1), temperature=0.2).item() == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("temperature", [0.01, 0.07, 10.0])
@pytest.mark.parametrize("sign", [-1.0, 0.0, 1.0])
def test_extremes_stay_finite(dtype: torch.dtype, temperature: float, sign: float) -> None:
    """Collapsed, orthogonal and opposite embeddings in any precision: finite loss, finite gradient."""
    view = projections(8).to(dtype)
    other = (view * sign).requires_grad_()
    loss = hard(in_batch(view, other, torch.arange(8)), temperature=temperature, beta=5.0, tau_plus=0.3)
    loss.backward()
    assert torch.isfinite(loss)
    assert other.grad is not None
    assert torch.isfinite(other.grad).all()


def test_gradients_are_the_numerical_ones() -> None:
    """The analytic gradient agrees with finite differences."""
    contrast = batch(4)
    candidate = contrast.candidate.clone().requires_grad_()
    loss = hard(
        Contrast(contrast.positive, candidate, contrast.is_negative, contrast.anchor_index, contrast.candidate_index),
        temperature=0.5, beta=1.0, tau_plus=0.1,
    )  # fmt: skip
    loss.backward()
    positive, values, mask = as_arrays(contrast)
    step = 1e-5
    for row, column in [(0, 1), (2, 3), (5, 2)]:
        shifted = []
        for delta in (step, -step):
            moved = values.copy()
            moved[row, column] += delta
            shifted.append(slow_loops.hard(positive, moved, mask, 0.5, 1.0, 0.1))
        assert candidate.grad is not None
        assert candidate.grad[row, column].item() == pytest.approx(
            (shifted[0] - shifted[1]) / (2 * step), rel=1e-2, abs=1e-5
        )


def test_in_batch_masks_self_and_positive_and_nothing_else() -> None:
    """Of 2B candidates each anchor has 2B − 2 negatives: all but its own two views."""
    contrast = batch(5)
    assert contrast.is_negative.sum(1).tolist() == [8] * 10
    for row in range(10):
        assert not contrast.is_negative[row, row]
        assert not contrast.is_negative[row, (row + 5) % 10]
    torch.testing.assert_close(contrast.positive[:5], contrast.positive[5:])


def test_keys_of_the_anchors_own_image_and_empty_slots_are_no_negatives() -> None:
    """In a queue, another view of the anchor's image and unfilled slots are masked."""
    queue_index = torch.tensor([0, 7, -1, 2])
    contrast = against_keys(projections(3), projections(3, 1), torch.arange(3), projections(4, 2), queue_index)
    assert contrast.is_negative.tolist() == [
        [False, True, True, False, True, False, True],
        [True, False, True, True, True, False, True],
        [True, True, False, True, True, False, False],
    ]
    torch.testing.assert_close(contrast.positive, contrast.candidate.diagonal())
