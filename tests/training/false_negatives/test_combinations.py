"""Every objective with every treatment of every detector: what must hold for each of them, whichever is added."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

import samekind.objectives
from samekind.training.config import false_negatives as names
from samekind.training.config.train_config import TrainConfig
from samekind.training.engine.loss import Loss, mean_loss
from samekind.training.false_negatives import treatments
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.treatments import TREATMENTS, FalseNegativePrediction
from samekind.training.objectives.similarity import Contrast
from samekind.training.objectives.terms import plain_terms
from tests.training.batches import TREATED
from tests.training.detectors import all_detectors, blob_batch, blobs


def subclasses(parent: type) -> set[type]:
    """All below, the tests' own left out."""
    children: list[type] = parent.__subclasses__()
    found = {below for child in children for below in {child, *subclasses(child)}}
    return {each for each in found if each.__module__.startswith("samekind.")}


def test_the_registries_hold_all_there_is() -> None:
    """A detector is a class of its name, a treatment a function of its name, and each is public; so no test below can miss one."""
    concrete = {each.__name__ for each in subclasses(Detector) if not inspect.isabstract(each)}
    assert {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower() for name in concrete} == set(names.DETECTORS)
    assert set(all_detectors(*blobs(8))) == set(names.DETECTORS)
    own = {name: f for name, f in vars(treatments).items() if getattr(f, "__module__", "") == treatments.__name__}
    functions = {name: f for name, f in own.items() if inspect.isfunction(f) and not name.startswith("_")}
    assert functions == TREATMENTS
    assert tuple(TREATMENTS) == names.TREATMENTS
    assert concrete | set(TREATMENTS) <= set(samekind.objectives.__all__)


@cache
def predicted(detector: str) -> FalseNegativePrediction:
    """By this detector for a batch of blobs; some negatives are flagged and some are not."""
    contrast, _ = blob_batch()
    prediction: FalseNegativePrediction = all_detectors(*blobs(8))[detector](contrast)
    assert prediction.flagged.any()
    assert (contrast.is_negative & ~prediction.flagged).any(1).all()
    return prediction


class Said(Detector):
    """Predicts what it was given."""

    def __init__(self, prediction: FalseNegativePrediction) -> None:
        super().__init__()
        self.prediction = prediction

    def scores(self, contrast: Contrast) -> Tensor:
        """Its probabilities."""
        return self.prediction.probability

    def decide(self, scores_AM: Tensor, contrast: Contrast) -> FalseNegativePrediction:
        """As it was given."""
        return self.prediction


def push(objective: str, treatment: str, detector: str) -> tuple[Tensor, Tensor]:
    """Loss of the blobs, and its derivative by each candidate's similarity: above 0 for what is pushed, below 0 for what is pulled in."""
    contrast, _ = blob_batch()
    contrast = replace(contrast, candidate=contrast.candidate.clone().requires_grad_())
    config = TrainConfig(objective=objective, treatment=treatment, treatment_start=0.0, beta=0.0)
    torch.manual_seed(0)  # of the mixes
    loss = mean_loss(Loss(config, 100, Said(predicted(detector)))(contrast))
    return loss.detach(), torch.autograd.grad(loss, contrast.candidate)[0]


@pytest.mark.parametrize("objective", TREATED)
@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize("detector", names.DETECTORS)
def test_every_objective_takes_every_treatment_of_every_detector(detector: str, treatment: str, objective: str) -> None:
    """A finite loss, a finite gradient that reaches every anchor, and none for a pair that is no negative; flags are obeyed exactly."""
    flagged, is_negative = predicted(detector).flagged, blob_batch()[0].is_negative
    loss, gradient = push(objective, treatment, detector)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert (gradient != 0).any(1).all()
    assert (gradient[~is_negative] == 0).all()
    plain_loss, plain_gradient = push(objective, "none", detector)
    if treatment == "none":
        assert torch.equal(loss, plain_loss)
        assert (gradient[is_negative] > 0).all()
    elif treatment == "eliminate":
        assert (gradient[flagged] == 0).all()
    elif treatment == "attract":
        assert (gradient[flagged] < 0).all()
    else:
        assert not torch.equal(gradient, plain_gradient)
    if treatment in ("eliminate", "attract"):
        assert (gradient[is_negative & ~flagged] >= 0).all()


@pytest.mark.parametrize("detector", names.DETECTORS)
def test_what_probabilities_do_to_the_push(detector: str) -> None:
    """`soft`: a negative's share of its anchor's push is that without treatment times 1 − P, normalised again."""
    probability = predicted(detector).probability
    plain, soft = (push("info_nce", treatment, detector)[1] for treatment in ("none", "soft"))
    expected = plain * (1 - probability) * (probability < 1 - 1e-6)
    left = expected.sum(1) > 0
    shares = [each[left] / each[left].sum(1, keepdim=True) for each in (soft, expected)]
    torch.testing.assert_close(shares[0], shares[1], atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize("detector", names.DETECTORS)
def test_what_probabilities_pull_in(detector: str) -> None:
    """`soft_attract`: at most one positive more, spread by P; where less than one is expected, P itself."""
    contrast, prediction = blob_batch()[0], predicted(detector)
    terms = TREATMENTS["soft_attract"](plain_terms(contrast), prediction)
    assert terms.positive_weight is not None
    total = prediction.probability.sum(1, keepdim=True)
    torch.testing.assert_close(terms.positive_weight, prediction.probability / total.clamp(min=1))
    assert (terms.positive_weight.sum(1) <= 1 + 1e-5).all()
