"""Our own detector against sets, its probabilities against their promises, and what answers do to them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.training.false_negatives.calibration import fit_slope
from samekind.training.false_negatives.constraints import PairConstraints
from samekind.training.false_negatives.detectors import combined
from samekind.training.false_negatives.detectors.combined import SCALES, Combined, odds_factor
from samekind.training.false_negatives.detectors.pairs import drawn_rows
from samekind.training.false_negatives.links import LinkConstraints
from tests.training import slow_loops
from tests.training.detectors import blob_batch, blobs, unit


@given(seed=st.integers(0, 20), landmarks=st.integers(3, 30), prior=st.floats(0.05, 0.6))
@settings(deadline=None, max_examples=25)
def test_the_score_is_the_overlap_of_sets(seed: int, landmarks: int, prior: float) -> None:
    """Of all four sizes, among fewer landmarks than images too; symmetric, and 1 for an image and itself."""
    rows, described = unit(24, seed), unit(24, seed + 1, dim=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(combined, "LANDMARKS", landmarks)
        detector = Combined(described.numpy(), rows.shape[1], prior)
        detector.refresh(rows.numpy())
        got = detector.pair_scores(torch.arange(24), torch.arange(24)).numpy()
        some = detector.pair_scores(torch.tensor([3, 5]), torch.tensor([0, 5, 7])).numpy()
        of_pairs = detector.scores_of(torch.tensor([[3, 0], [5, 5], [5, 7]]), block=2).numpy()
    drawn = sorted(drawn_rows(24)[:landmarks].tolist())
    sizes = [min(max(1, round(prior * scale * len(drawn))), len(drawn)) for scale in SCALES]
    expected = slow_loops.overlap_of_neighbourhoods(detector.joint.double().numpy(), drawn, sizes)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    np.testing.assert_allclose(some, got[[3, 5]][:, [0, 5, 7]], atol=1e-6)
    np.testing.assert_allclose(of_pairs, [got[3, 0], 1.0, got[5, 7]], atol=1e-6)
    np.testing.assert_allclose(got, got.T, atol=1e-6)


@given(prior=st.floats(0.01, 0.5), seed=st.integers(0, 20))
def test_the_mean_probability_is_the_prior(prior: float, seed: int) -> None:
    """Whatever the scores are."""
    scores = torch.rand(500, generator=torch.Generator().manual_seed(seed)) ** 3
    odds = odds_factor(scores, prior) * scores
    assert (odds / (1 + odds)).mean().item() == pytest.approx(prior, abs=1e-4)


def test_scores_of_nothing_promise_nothing() -> None:
    """No overlap anywhere, or in fewer pairs than the prior expects: a finite factor, and no probability of its own."""
    assert odds_factor(torch.zeros(50), 0.1) == 0.0
    few = torch.zeros(100)
    few[:2] = 0.5
    assert np.isfinite(odds_factor(few, 0.1))
    assert odds_factor(few, 0.1) * 0.5 > 100  # these two are as good as sure


def test_answers_sharpen_the_probability_and_leave_order_and_mean() -> None:
    """Blobs are easier to tell than odds in proportion to the score suppose; being told says so, and no more of them are expected."""
    contrast, same = blob_batch()
    detector = Combined(blobs(8)[0].numpy(), 8, 0.3)
    detector.refresh(blobs(8)[0].numpy())
    rows = torch.arange(24)
    others = ~torch.eye(24, dtype=torch.bool)
    before, mean = detector(contrast).probability, detector.probability(detector.pair_scores(rows, rows))[others].mean()
    negatives = contrast.is_negative
    detector.learn(all_answers(blobs(8)[1]))
    after = detector(contrast).probability
    assert detector.power > 1
    assert after[same & negatives].mean() > before[same & negatives].mean()
    assert after[~same].mean() < before[~same].mean()
    torch.testing.assert_close(detector.probability(detector.pair_scores(rows, rows))[others].mean(), mean)
    assert (after[negatives][before[negatives].argsort()].diff() >= -1e-6).all()
    fresh = Combined(unit(24, 3).numpy(), 8, 0.3)
    fresh.load_state_dict(detector.state_dict())  # a resumed run goes on with what was answered
    torch.testing.assert_close(fresh(contrast).probability, after)
    detector.learn(all_answers(blobs(8)[1]))  # again: nothing is counted twice
    torch.testing.assert_close(detector(contrast).probability, after)


def test_answers_about_the_hardest_pairs_alone_do_not_silence_it() -> None:
    """Whoever asks only where nobody can tell hears *different* more often than the score says; of the other pairs that says nothing."""
    detector = Combined(blobs(8)[0].numpy(), 8, 0.3)
    detector.refresh(blobs(8)[0].numpy())
    rows = torch.arange(24)
    expected = detector.probability(detector.pair_scores(rows, rows))[~torch.eye(24, dtype=torch.bool)].mean()
    detector.learn(all_answers(np.arange(24)))  # every pair is different
    found = detector.probability(detector.pair_scores(rows, rows))[~torch.eye(24, dtype=torch.bool)].mean()
    torch.testing.assert_close(found, expected)


def all_answers(labels: NDArray[np.int64]) -> PairConstraints:
    """What somebody would say who was asked about every pair, and answers from labels."""
    names = [f"{row:064x}" for row in range(len(labels))]
    pairs = list(itertools.combinations(range(len(labels)), 2))
    same, other = (
        frozenset((names[i], names[j]) for i, j in pairs if (labels[i] == labels[j]) == alike)
        for alike in (True, False)
    )
    return PairConstraints(LinkConstraints((), same, frozenset(), other, frozenset(), frozenset()), names)


def answered(slope: float, shift: float, count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Promised probabilities, and answers that come with others."""
    random = np.random.default_rng(seed)
    promised = random.uniform(0.02, 0.98, count).astype(np.float32)
    true = torch.from_numpy(promised).logit().mul(slope).add(shift).sigmoid().numpy()
    return promised, random.random(count) < true


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.4, -1.0), (2.0, 1.5)])
def test_many_answers_find_the_slope_whatever_the_shift(slope: float, shift: float) -> None:
    """The one that the answers were drawn with."""
    assert fit_slope(*answered(slope, shift, 20_000, 0)) == pytest.approx(slope, abs=0.1)


def test_no_answers_change_nothing_and_few_change_little() -> None:
    """One surprised answer moves the slope by less than the prior's deviation."""
    assert fit_slope(np.zeros(0, np.float32), np.zeros(0, bool)) == 1.0
    assert 0.75 < fit_slope(np.array([0.8], np.float32), np.array([False])) < 1.0


@pytest.mark.parametrize("same", [True, False])
def test_answers_that_are_all_alike_are_no_proof(same: bool) -> None:
    """Separable answers have no greatest likelihood; the prior keeps the slope finite and the order whole."""
    found = fit_slope(np.array([0.0, 0.3, 0.6, 1.0], np.float32), np.full(4, same))
    assert np.isfinite(found)
    assert found >= 0


def test_one_slip_among_right_answers_is_no_catastrophe() -> None:
    """A pair whose score was 0, called the same by mistake."""
    sure = np.array([0.9] * 50 + [0.02] * 50, np.float32)
    same = sure > 0.5
    slipped = fit_slope(np.append(sure, np.float32(0)), np.append(same, True))
    assert abs(slipped - fit_slope(sure, same)) < 0.2
    assert fit_slope(np.zeros(1, np.float32), np.array([True])) > 0.6


def test_as_many_answers_as_probabilities() -> None:
    """A slip is said."""
    with pytest.raises(InputError, match="2 probabilities but 1 answers"):
        fit_slope(np.array([0.1, 0.2], np.float32), np.array([True]))
