"""The objectives against slow loops, closed forms and each other."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.loss import Loss, mean_loss
from samekind.training.false_negatives.detectors.pairs import Oracle
from samekind.training.objectives.contrastive import binary_loss, decoupled_loss, softmax_loss
from samekind.training.objectives.hardness import last_hardness
from samekind.training.objectives.mochi import ANCHOR_MIXES, PAIR_MIXES, mix_hardest
from samekind.training.objectives.nce import NoiseContrast
from samekind.training.objectives.similarity import Contrast, against_keys, in_batch
from samekind.training.objectives.terms import plain_terms
from tests.training import slow_loops
from tests.training.batches import IN_BATCH, as_arrays, batch, hard, loss_of, plain, projections


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
def test_info_nce_and_decoupled_are_the_slow_loops(rows: int, seed: int, temperature: float) -> None:
    """The values of the papers' loops."""
    contrast = batch(rows, seed)
    arrays = as_arrays(contrast)
    assert plain(contrast, temperature=temperature).item() == pytest.approx(
        slow_loops.info_nce(*arrays, temperature), rel=1e-4, abs=1e-5
    )
    assert decoupled_loss(plain_terms(contrast), temperature=temperature).mean().item() == pytest.approx(
        slow_loops.decoupled(*arrays, temperature), rel=1e-4, abs=1e-5
    )


@given(rows=st.integers(2, 7), seed=st.integers(0, 50), temperature=st.floats(0.1, 2), classes=st.integers(1, 4))
def test_supervised_is_the_slow_loop(rows: int, seed: int, temperature: float, classes: int) -> None:
    """SupCon with labels, one class for all included."""
    contrast = batch(rows, seed)
    label = torch.arange(rows).repeat(2) % classes
    same = label[:, None] == label[None, :]
    terms = replace(plain_terms(contrast), positive_weight=(same & contrast.is_negative).float())
    assert softmax_loss(terms, temperature=temperature).mean().item() == pytest.approx(
        slow_loops.supervised(*as_arrays(contrast), same.numpy(), temperature), rel=1e-4, abs=1e-5
    )


@given(rows=st.integers(2, 6), seed=st.integers(0, 50), temperature=st.floats(0.2, 2), log_z=st.floats(-3, 3))
def test_nce_is_the_slow_loop(rows: int, seed: int, temperature: float, log_z: float) -> None:
    """The binary posterior with a known noise density."""
    contrast = batch(rows, seed)
    images = 100
    log_noise = math.log(2 * rows - 2) - math.log(images)
    got = binary_loss(
        plain_terms(contrast), scale=torch.tensor(1 / temperature), shift=torch.full((2 * rows,), log_z + log_noise)
    )
    expected = slow_loops.nce(*as_arrays(contrast), temperature=temperature, log_partition=log_z, noise=1 / images)
    assert got.mean().item() == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_the_family_meets_where_it_should() -> None:
    """`hard` with β = 0 and τ⁺ = 0, `debiased` with τ⁺ = 0, `supervised` without two images of a class: all are `info_nce`."""
    contrast = batch(5)
    expected = loss_of(contrast, objective="info_nce")
    torch.testing.assert_close(loss_of(contrast, objective="hard", beta=0.0, tau_plus=0.0), expected)
    torch.testing.assert_close(loss_of(contrast, objective="debiased", tau_plus=0.0), expected)
    alone = Oracle(np.arange(5))
    torch.testing.assert_close(loss_of(contrast, alone, objective="supervised"), expected)


def test_debiased_is_hard_without_hardness() -> None:
    """And differs from `info_nce`."""
    contrast = batch(5)
    got = loss_of(contrast, objective="debiased", tau_plus=0.1, beta=2.0)
    torch.testing.assert_close(got, hard(contrast, temperature=0.2, beta=0.0, tau_plus=0.1))
    assert abs(got - loss_of(contrast, objective="info_nce")) > 1e-3


def test_hardness_anneals_in_a_straight_line() -> None:
    """From β to its end; objectives without hardness have none."""
    loss = Loss(TrainConfig(beta=2.0, beta_end=0.5), 10, None)
    assert [loss.hardness(share) for share in (0.0, 0.5, 1.0)] == [2.0, 1.25, 0.5]
    assert Loss(TrainConfig(objective="info_nce", beta=2.0), 10, None).hardness(0.0) == 0.0


@pytest.mark.parametrize("objective", ["hard", "info_nce"])
@pytest.mark.parametrize("beta_end", [None, 0.0, 3.0])
def test_the_last_hardness_is_that_of_the_last_step(objective: str, beta_end: float | None) -> None:
    """What an audit reads from a run's settings is what its last step had."""
    config = TrainConfig(objective=objective, beta=2.0, beta_end=beta_end)
    assert last_hardness(config.to_dict()) == Loss(config, 10, None).hardness(1.0)


@pytest.mark.parametrize("negatives", [1, 5, 100])
def test_equal_similarities_give_log_of_one_plus_n(negatives: int) -> None:
    """If nothing tells the positive from N negatives the loss is log(1 + N), whatever the hardness."""
    contrast = Contrast(
        torch.zeros(3), torch.zeros(3, negatives), torch.ones(3, negatives, dtype=torch.bool),
        torch.arange(3), torch.arange(negatives), torch.zeros(3, 2), torch.zeros(negatives, 2),
    )  # fmt: skip
    assert plain(contrast, temperature=0.1).item() == pytest.approx(math.log(1 + negatives))
    assert hard(contrast, temperature=0.1, beta=2.0, tau_plus=0.0).item() == pytest.approx(
        math.log(1 + negatives), rel=1e-5
    )


def test_hardness_raises_the_loss() -> None:
    """Weight on the harder negatives can only add to the negatives' mass."""
    contrast = batch(16)
    losses = [hard(contrast, temperature=0.2, beta=beta, tau_plus=0.0).item() for beta in (0.0, 0.5, 1.0, 2.0)]
    assert losses == sorted(losses)
    assert losses[-1] > losses[0] + 0.1


@pytest.mark.parametrize("objective", IN_BATCH)
def test_an_anchor_without_negatives_leaves_the_mean(objective: str) -> None:
    """Masking one row out gives the mean over the others; masking all gives 0 and a zero gradient, not NaN."""
    contrast = batch(4)
    mask = contrast.is_negative.clone()
    mask[0] = False
    oracle = Oracle(np.array([0, 0, 1, 1]))
    torch.manual_seed(0)
    verdict = Loss(TrainConfig(objective=objective), 10, oracle)(replace(contrast, is_negative=mask))
    assert verdict.contrasted.tolist() == [False] + [True] * 7
    assert verdict.loss[0] == 0
    assert mean_loss(verdict).item() == pytest.approx(verdict.loss[1:].mean().item(), rel=1e-5)
    candidate = contrast.candidate.clone().requires_grad_()
    nothing = replace(contrast, candidate=candidate, is_negative=torch.zeros_like(mask))
    loss = loss_of(nothing, oracle, objective=objective)
    loss.backward()
    assert loss.item() == 0
    assert candidate.grad is None or candidate.grad.abs().sum() == 0


@pytest.mark.parametrize("objective", IN_BATCH)
def test_a_single_image_has_no_negatives(objective: str) -> None:
    """B = 1: the loss is 0."""
    assert loss_of(batch(1), Oracle(np.zeros(1, dtype=np.int64)), objective=objective).item() == 0


@pytest.mark.parametrize("objective", IN_BATCH)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("temperature", [0.01, 0.2, 10.0])
def test_extremes_stay_finite(objective: str, dtype: torch.dtype, temperature: float) -> None:
    """Collapsed, orthogonal and opposite embeddings in any precision: finite loss, finite gradient."""
    for sign in (-1.0, 0.0, 1.0):
        view = projections(8).to(dtype)
        other = (view * sign).requires_grad_()
        contrast = in_batch(view, other, torch.arange(8))
        oracle = Oracle(np.array([0, 0, 0, 0, 1, 1, 2, 3]))
        treatment = "none" if objective == "supervised" else "soft"
        loss = loss_of(
            contrast, oracle, objective=objective, temperature=temperature, beta=5.0, tau_plus=0.3, treatment=treatment
        )
        loss.backward()
        assert torch.isfinite(loss)
        assert other.grad is not None
        assert torch.isfinite(other.grad).all()


def test_gradients_are_the_numerical_ones() -> None:
    """The analytic gradient agrees with finite differences."""
    contrast = batch(4)
    candidate = contrast.candidate.clone().requires_grad_()
    hard(replace(contrast, candidate=candidate), temperature=0.5, beta=1.0, tau_plus=0.1).backward()
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


def test_mixes_have_the_similarity_that_building_them_would_give() -> None:
    """The closed form against mixes that are built and normalised; the gradient reaches only what was mixed."""
    contrast = batch(6)
    terms = plain_terms(contrast)
    mixed = mix_hardest(terms, contrast.candidate_vector, torch.Generator().manual_seed(1))
    random = torch.Generator().manual_seed(1)
    rows, count = 12, 12
    first, second = (torch.randint(count, (rows, PAIR_MIXES), generator=random) for _ in range(2))
    alpha = torch.rand((rows, PAIR_MIXES), generator=random)
    partner = torch.randint(count, (rows, ANCHOR_MIXES), generator=random)
    own = torch.rand((rows, ANCHOR_MIXES), generator=random) / 2
    order = contrast.candidate.masked_fill(~contrast.is_negative, -2).topk(count, dim=1).indices
    both = contrast.candidate_vector
    for row in (0, 7):
        for column in range(PAIR_MIXES):
            a, b = both[order[row, first[row, column]]], both[order[row, second[row, column]]]
            mix = torch.nn.functional.normalize(alpha[row, column] * a + (1 - alpha[row, column]) * b, dim=0)
            assert mixed.candidate[row, 12 + column].item() == pytest.approx((both[row] @ mix).item(), abs=1e-5)
        for column in range(ANCHOR_MIXES):
            b = both[order[row, partner[row, column]]]
            mix = torch.nn.functional.normalize(own[row, column] * both[row] + (1 - own[row, column]) * b, dim=0)
            got = mixed.candidate[row, 12 + PAIR_MIXES + column].item()
            assert got == pytest.approx((both[row] @ mix).item(), abs=1e-5)
    kept = mixed.negative_mask[:, 12:]
    assert kept.any()
    assert not kept.all()  # a mix with the positive or the anchor's own image is no negative
    torch.testing.assert_close(mixed.log_count, (10 + kept.sum(1)).float().log())


def test_nce_starts_balanced_and_learns_its_scalars() -> None:
    """log Z starts at log(M · mean e), the sigmoid's bias at −log N; the gradient reaches what is learned and nothing else."""
    contrast = batch(8)
    mean = torch.exp(contrast.candidate[contrast.is_negative] / 0.2).mean().log()
    partition = NoiseContrast("partition", 0.2, 500)
    partition(plain_terms(contrast)).mean().backward()
    assert partition.offset.item() == pytest.approx(math.log(500) + mean.item(), rel=1e-5)
    assert partition.offset.grad is not None
    assert partition.log_scale.grad is None
    before = partition.offset.item()
    partition(plain_terms(batch(8, seed=9)))
    assert partition.offset.item() == before  # only the first batch sets it
    sigmoid = NoiseContrast("sigmoid", 0.2, 500)
    sigmoid(plain_terms(contrast)).mean().backward()
    assert sigmoid.offset.item() == pytest.approx(math.log(14))
    assert sigmoid.log_scale.exp().item() == pytest.approx(5.0)
    assert sigmoid.log_scale.grad is not None


def test_in_batch_masks_self_and_positive_and_nothing_else() -> None:
    """Of 2B candidates each anchor has 2B − 2 negatives: all but its own two views."""
    contrast = batch(5)
    assert contrast.is_negative.sum(1).tolist() == [8] * 10
    for row in range(10):
        assert not contrast.is_negative[row, row]
        assert not contrast.is_negative[row, (row + 5) % 10]
    torch.testing.assert_close(contrast.positive[:5], contrast.positive[5:])
    torch.testing.assert_close(contrast.positive, (contrast.positive_vector * contrast.candidate_vector).sum(1))


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
    torch.testing.assert_close(contrast.candidate, projections(3) @ contrast.candidate_vector.T)
