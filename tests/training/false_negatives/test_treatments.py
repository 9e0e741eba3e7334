"""Treatments of false negatives against slow loops, and where they must change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.loss import Loss
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.pairs import Oracle
from samekind.training.false_negatives.treatments import TREATMENTS, FalseNegativePrediction
from samekind.training.objectives.contrastive import mean_over_anchors, softmax_loss
from samekind.training.objectives.similarity import Contrast, in_batch
from samekind.training.objectives.terms import plain_terms
from tests.training import slow_loops
from tests.training.batches import IN_BATCH, as_arrays, batch, loss_of, projections


@given(
    rows=st.integers(2, 7), seed=st.integers(0, 50), temperature=st.floats(0.1, 2), beta=st.floats(0, 3), classes=st.integers(1, 4),
)  # fmt: skip
def test_soft_attraction_is_the_slow_loop(rows: int, seed: int, temperature: float, beta: float, classes: int) -> None:
    """Hardness weights, certainties and their opposite included; certainties halve between the view and the mean of the others."""
    contrast = batch(rows, seed)
    probability = (2 * torch.rand(contrast.candidate.shape, generator=torch.Generator().manual_seed(seed)) - 0.5).clamp(
        0, 1
    )
    terms = plain_terms(contrast, beta=beta, temperature=temperature)
    soft = TREATMENTS["soft_attract"](
        terms, FalseNegativePrediction(probability > 0.5, probability * contrast.is_negative)
    )
    kept = soft.contrasted.sum().clamp(min=1)
    got = softmax_loss(soft, temperature=temperature).sum() / kept
    expected = slow_loops.soft_attraction(
        *as_arrays(contrast), probability.double().numpy(), temperature=temperature, beta=beta
    )
    assert got.item() == pytest.approx(expected, rel=5e-4, abs=5e-5)
    label = torch.arange(rows).repeat(2) % classes
    sure = (label[:, None] == label[None, :]) & contrast.is_negative
    certain = FalseNegativePrediction(sure, sure.float())
    attracted, number = TREATMENTS["attract"](plain_terms(contrast), certain), sure.sum(1)
    view = softmax_loss(TREATMENTS["eliminate"](plain_terms(contrast), certain), temperature=temperature)
    others = (softmax_loss(attracted, temperature=temperature) * (1 + number) - view) / number.clamp(min=1)
    halves = torch.where(number > 0, (view + others) / 2, view)
    torch.testing.assert_close(
        softmax_loss(TREATMENTS["soft_attract"](plain_terms(contrast), certain), temperature=temperature), halves
    )


@given(
    rows=st.integers(2, 7), seed=st.integers(0, 50), temperature=st.floats(0.1, 2), beta=st.floats(0, 3),
    treatment=st.sampled_from(["eliminate", "attract", "soft"]),
)  # fmt: skip
def test_treatments_are_the_slow_loop(rows: int, seed: int, temperature: float, beta: float, treatment: str) -> None:
    """Hardness × treatment, also where a whole row is flagged."""
    contrast = batch(rows, seed)
    random = torch.Generator().manual_seed(seed)
    probability = torch.rand(contrast.candidate.shape, generator=random)
    if treatment != "soft":
        probability = (probability > 0.6).float()
    suspects = FalseNegativePrediction(probability == 1, probability)
    terms = TREATMENTS[treatment](plain_terms(contrast, beta=beta, temperature=temperature), suspects)
    got = mean_over_anchors(softmax_loss(terms, temperature=temperature), terms.contrasted)
    expected = slow_loops.treated(
        *as_arrays(contrast),
        probability.double().numpy(),
        temperature=temperature,
        beta=beta,
        pull=treatment == "attract",
    )
    assert got.item() == pytest.approx(expected, rel=5e-4, abs=5e-5)


def test_soft_with_certainties_is_elimination() -> None:
    """P in {0, 1}: the same loss and gradient."""
    flagged = torch.rand(12, 12, generator=torch.Generator().manual_seed(3)) > 0.7
    results = []
    for treatment in ("eliminate", "soft"):
        view = projections(6).requires_grad_()
        terms = plain_terms(in_batch(view, projections(6, 1), torch.arange(6)), beta=1.0, temperature=0.2)
        terms = TREATMENTS[treatment](terms, FalseNegativePrediction(flagged, flagged.float()))
        loss = mean_over_anchors(softmax_loss(terms, temperature=0.2), terms.contrasted)
        loss.backward()
        results.append((loss.detach(), view.grad))
    torch.testing.assert_close(results[0], results[1])


class Nobody(Detector):
    """Suspects nobody."""

    def scores(self, contrast: Contrast) -> Tensor:
        """Far below every operating point."""
        return torch.full_like(contrast.candidate, -100.0)


def test_a_faint_suspicion_pulls_nobody_in() -> None:
    """As P falls to nothing, so does the pull: the loss tends to that without a treatment."""
    contrast = batch(6)
    plain = softmax_loss(plain_terms(contrast), temperature=0.2)
    faint = torch.where(contrast.is_negative, 1e-4, 0.0)
    treated = TREATMENTS["soft_attract"](plain_terms(contrast), FalseNegativePrediction(faint > 1, faint))
    torch.testing.assert_close(softmax_loss(treated, temperature=0.2), plain, atol=2e-2, rtol=0)


@pytest.mark.parametrize("objective", ["info_nce", "debiased", "hard", "decoupled", "nce", "mixed"])
@pytest.mark.parametrize("treatment", ["eliminate", "attract", "soft", "soft_attract", "attract_likely"])
def test_a_treatment_of_nobody_changes_nothing(objective: str, treatment: str) -> None:
    """With nobody suspected every treatment is `none`, for every objective that takes one."""
    contrast = batch(6)
    losses = []
    for name, detector in ((treatment, Nobody()), ("none", None)):
        torch.manual_seed(0)  # `mixed` draws
        losses.append(loss_of(contrast, detector, objective=objective, treatment=name, tau_plus=0.0))
    torch.testing.assert_close(losses[0], losses[1])


def test_treatments_correct_the_bias_once() -> None:
    """τ⁺ is 0 beside a treatment unless it is asked for."""
    assert TrainConfig().tau_plus == 0.1
    assert TrainConfig(treatment="soft").tau_plus == 0.0
    assert TrainConfig(treatment="soft", tau_plus=0.1).tau_plus == 0.1


def test_treatment_starts_after_its_warm_up() -> None:
    """Before, the detector is not even asked."""
    contrast, oracle = batch(6), Oracle(np.zeros(6, dtype=np.int64))
    loss = Loss(TrainConfig(treatment="eliminate", detector="oracle", treatment_start=0.5), 6, oracle)
    assert loss(contrast, 0.49).prediction is None
    assert loss(contrast, 0.5).prediction is not None
    assert not loss(contrast, 0.5).contrasted.any()  # one class only: nothing is left


@pytest.mark.parametrize("objective", [name for name in IN_BATCH if name != "supervised"])
@pytest.mark.parametrize("treatment", ["eliminate", "attract", "soft"])
def test_an_anchor_that_loses_all_negatives_gives_no_nan(objective: str, treatment: str) -> None:
    """One class but for one image: its views keep their negatives, the others' pairs with it are all that is left."""
    for labels in ([0, 0, 0, 1], [0, 0, 0, 0]):
        view = projections(4).requires_grad_()
        contrast = in_batch(view, projections(4, 1), torch.arange(4))
        settings: dict[str, Any] = {"objective": objective, "treatment": treatment, "detector": "oracle"}
        loss = loss_of(contrast, Oracle(np.array(labels)), **settings)
        loss.backward()
        assert torch.isfinite(loss)
        assert view.grad is not None
        assert torch.isfinite(view.grad).all()
