"""The detector `neighbourhood` and the treatment that goes with it, against definitions written out."""

from __future__ import annotations

import numpy as np
import torch

from samekind.training.false_negatives.detectors.neighbourhood import WIDER, Neighbourhood
from samekind.training.false_negatives.treatments import FalseNegativePrediction, attract_likely
from samekind.training.objectives.contrastive import softmax_loss
from samekind.training.objectives.similarity import in_batch
from samekind.training.objectives.terms import plain_terms
from tests.training.detectors import unit


def test_scores_are_the_ranks_of_both_sides() -> None:
    """2 if each is among the other's 3 nearest, 1 if either is among the other's 7; the default is ten times as wide."""
    rows = unit(40, 3)
    order = (rows @ rows.T).fill_diagonal_(-2).argsort(1, descending=True).argsort(1)
    both, either = torch.maximum(order, order.T), torch.minimum(order, order.T)
    expected = torch.where(both < 3, 2.0, torch.where(either < 7, 1.0, 0.0)).fill_diagonal_(0)
    got = Neighbourhood(rows.numpy(), 3, 7).pair_scores(torch.arange(40), torch.arange(40)).fill_diagonal_(0)
    assert got.equal(expected)
    wide = Neighbourhood(rows.numpy(), 3).pair_scores(torch.arange(40), torch.arange(40)).fill_diagonal_(0)
    assert wide.equal(
        Neighbourhood(rows.numpy(), 3, 3 * WIDER).pair_scores(torch.arange(40), torch.arange(40)).fill_diagonal_(0)
    )


def test_near_ones_are_spared_and_mutual_ones_pulled() -> None:
    """Near neighbours leave the negatives; only the mutual ones of them become positives, whatever training makes of the rows."""
    rows = unit(30, 4)
    detector = Neighbourhood(rows.numpy(), 2, 6)
    detector.refresh(unit(30, 9).numpy())
    contrast = in_batch(unit(30, 5), unit(30, 6), torch.arange(30))
    treated = attract_likely(plain_terms(contrast), detector(contrast))
    score = detector.pair_scores(torch.arange(30), torch.arange(30)).repeat(2, 2)
    assert treated.negative_mask.equal(contrast.is_negative & (score == 0))
    assert treated.positive_weight is not None
    assert treated.positive_weight.bool().equal(contrast.is_negative & (score == 2))


def test_likely_ones_are_averaged_in_by_hand() -> None:
    """One anchor: the view and a mutual neighbour are positives against what is left, rescaled to the number that there was."""
    first, second = torch.tensor([[1.0, 0], [0.6, 0.8]]), torch.tensor([[0.8, 0.6], [0, 1.0]])
    contrast = in_batch(first, second, torch.arange(2))
    flagged = torch.zeros_like(contrast.is_negative)
    flagged[0, 1] = True
    probability = flagged * 0.9
    loss = softmax_loss(
        attract_likely(plain_terms(contrast), FalseNegativePrediction(flagged, probability)), temperature=1.0
    )
    negative = np.flatnonzero((contrast.is_negative & ~flagged)[0].numpy())
    cosine = contrast.candidate[0].double().numpy()
    mass = np.exp(cosine[negative]).mean() * int(contrast.is_negative[0].sum())
    terms = [np.log1p(mass / np.exp(positive)) for positive in (float(contrast.positive[0]), cosine[1])]
    assert np.isclose(float(loss[0]), np.mean(terms), rtol=1e-5)
