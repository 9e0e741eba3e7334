"""The bound where the truth is known: Gaussian pairs, and pairs of images with classes, each with the best critic there is.

With r the density ratio, the expected bound is `I − E[r̄ log r̄]` over K independent candidates. So it lies between
`I − log(1 + χ²/K)` (Jensen) and the smaller of I and log K, and it grows with K.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.mutual_information import ClassPair, averaged, bound_without_own_class
from samekind.ideas import GaussianPair
from samekind.training.objectives.mi_bound import bound_of_logits, info_nce_bound

ANCHORS, MOST_BATCHES = 2**14, 512  # of every mean
CANDIDATES = [2**i for i in range(1, 11)]
ERRORS = 4  # standard errors that a mean may lie beyond where it should
EASY = GaussianPair(dim=8, correlation=0.5)  # 1.15 nats, far below log 1024 = 6.93
BEYOND = GaussianPair(dim=16, correlation=0.95)  # 18.6 nats, far above it
IMAGES = ClassPair(num_classes=10, shown=0.9, detail=GaussianPair(dim=8, correlation=0.35))  # 1.99 nats


@dataclass(frozen=True)
class Mean:
    """Over batches, with its standard error."""

    value: float
    error: float


def pairs(of: GaussianPair | ClassPair, count: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Seeded independent pairs."""
    return of.draw(count, torch.Generator().manual_seed(seed))


@cache
def bound_and_gap(of: GaussianPair | ClassPair, k: int) -> tuple[Mean, Mean]:
    """The bound with K candidates; and what it misses of the same pairs' mean log ratio, which says the same with far less noise."""
    drawn = pairs(of, min(ANCHORS, MOST_BATCHES * k))

    def gap(*parts: Tensor) -> float:
        logits = of.critic(*parts)
        return logits.diagonal().mean().item() - bound_of_logits(logits)

    return Mean(*averaged(lambda *parts: bound_of_logits(of.critic(*parts)), drawn, k)), Mean(*averaged(gap, drawn, k))


def test_the_bound_is_the_slow_loop() -> None:
    """log K minus the mean of −log softmax at the positive, one anchor at a time; `info_nce_bound` is that of cosine / τ."""
    views = torch.nn.functional.normalize(torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0)), dim=2)
    logits = (views[0] @ views[1].T / 0.2).double().numpy()
    losses = [-math.log(math.exp(row[i]) / sum(math.exp(value) for value in row)) for i, row in enumerate(logits)]
    expected = math.log(7) - float(np.mean(losses))
    assert bound_of_logits(torch.from_numpy(logits)) == pytest.approx(expected, abs=1e-12)
    assert info_nce_bound(views[0], views[1], 0.2) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("dim", "correlation"), [(1, 0.3), (3, -0.8), (8, 0.5)])
def test_the_gaussian_truth_is_the_log_determinant(dim: int, correlation: float) -> None:
    """−D/2 · log(1 − ρ²) is half of log det Σx + log det Σy − log det Σ; and pairs are drawn with that Σ."""
    pair = GaussianPair(dim, correlation)
    joint = np.kron([[1, correlation], [correlation, 1]], np.eye(dim))
    assert pair.truth == pytest.approx(-np.linalg.slogdet(joint)[1] / 2)
    x, y = (part.numpy() for part in pairs(pair, 100_000))
    assert np.cov(np.hstack([x, y]), rowvar=False) == pytest.approx(joint, abs=0.02)


def test_the_gaussian_critic_is_the_log_density_ratio() -> None:
    """Of every x with every y it is log p(x, y) − log p(x) − log p(y), by NumPy's determinants and inverses."""
    pair = GaussianPair(3, -0.6)
    x, y = pairs(pair, 6)
    joint = np.kron([[1, -0.6], [-0.6, 1]], np.eye(3))

    def log_density(z: np.ndarray, covariance: np.ndarray) -> float:
        return float(-(z @ np.linalg.inv(covariance) @ z + np.linalg.slogdet(2 * np.pi * covariance)[1]) / 2)

    expected = [
        [log_density(np.r_[a, b], joint) - log_density(a, np.eye(3)) - log_density(b, np.eye(3)) for b in y.numpy()]
        for a in x.numpy()
    ]
    assert pair.critic(x, y).numpy() == pytest.approx(np.array(expected))


def test_terms_of_the_anchor_alone_change_nothing() -> None:
    """The critic may be off by any function of x."""
    logits = EASY.critic(*pairs(EASY, 64))
    shifted = logits + torch.randn(64, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert bound_of_logits(shifted) == pytest.approx(bound_of_logits(logits))


def test_the_class_truth_is_a_sum_over_the_table() -> None:
    """Summed over image's class and both shown classes: mutual information, and the limit without the anchor's own class."""
    c, q = IMAGES.num_classes, IMAGES.shown
    show = q * np.eye(c) + (1 - q) / c  # rows: the image's class, columns: the class that a view shows
    joint = show.T @ show / c
    ratio = joint * c**2
    assert IMAGES.truth == pytest.approx((joint * np.log(ratio)).sum() + IMAGES.detail.truth)
    others = [show[[i for i in range(c) if i != own]].mean(axis=0) for own in range(c)]  # what a negative's view shows
    excess = -sum(show[own, a] / c * math.log(ratio[a] @ others[own]) for own in range(c) for a in range(c))
    assert IMAGES.without_own_class == pytest.approx(IMAGES.truth + excess)


@pytest.mark.parametrize("of", [EASY, IMAGES], ids=["gaussian", "classes"])
@pytest.mark.parametrize("k", CANDIDATES)
def test_the_bound_stays_below_the_truth(of: GaussianPair | ClassPair, k: int) -> None:
    """In the mean over batches, within 4 standard errors; same-class negatives, which the second one has, do not lift it."""
    bound, gap = bound_and_gap(of, k)
    assert bound.value <= min(of.truth, math.log(k)) + ERRORS * bound.error
    assert gap.value > -ERRORS * gap.error
    assert bound.error < 0.03, "the allowance is small"


def test_the_bound_approaches_the_truth() -> None:
    """The gap shrinks with every doubling of K, never exceeds what Jensen allows, and is below 0.01 nats at K = 1024."""
    gaps = [bound_and_gap(EASY, k)[1] for k in CANDIDATES]
    assert all(after.value < before.value + ERRORS * after.error for before, after in itertools.pairwise(gaps))
    for k, gap in zip(CANDIDATES, gaps, strict=True):
        assert gap.value <= math.log1p(EASY.chi_squared / k) + ERRORS * gap.error
    assert gaps[-1].value < 0.01 < gaps[4].value < gaps[0].value
    assert bound_and_gap(EASY, 1024)[0].value == pytest.approx(EASY.truth, abs=0.05)


@pytest.mark.parametrize("k", CANDIDATES)
def test_the_bound_saturates_at_log_k(k: int) -> None:
    """Of 18.6 nats K candidates show log K: no single batch more, and the mean no less than 0.02 below."""
    values = [bound_of_logits(BEYOND.critic(*pairs(BEYOND, k, seed))) for seed in range(16)]
    assert max(values) <= math.log(k) < BEYOND.truth / 2
    assert np.mean(values) > math.log(k) - 0.02


def test_without_same_class_negatives_it_is_no_bound_any_more() -> None:
    """All negatives stay below the truth; the oracle that removes the anchor's own class goes above it, by as much as is computed."""
    kept = bound_and_gap(IMAGES, 1024)[0]
    removed = Mean(
        *averaged(
            lambda *parts: bound_without_own_class(IMAGES.critic(*parts), parts[-1]), pairs(IMAGES, ANCHORS), 1024
        )
    )
    assert kept.value <= IMAGES.truth + ERRORS * kept.error
    assert kept.value == pytest.approx(IMAGES.truth, abs=0.05)
    assert removed.value > IMAGES.truth + 1 + ERRORS * removed.error
    assert removed.value == pytest.approx(IMAGES.without_own_class, abs=0.1)


def test_removed_candidates_are_not_counted() -> None:
    """Each anchor's bound has its own K: the loop over the candidates that are left."""
    logits = IMAGES.critic(*pairs(IMAGES, 12))
    class_B = pairs(IMAGES, 12)[-1]
    values = []
    for i, row in enumerate(logits.tolist()):
        left = [value for j, value in enumerate(row) if j == i or class_B[j] != class_B[i]]
        values.append(math.log(len(left)) + row[i] - math.log(sum(math.exp(value) for value in left)))
    assert len(set(class_B.tolist())) < 12, "some share a class"
    assert bound_without_own_class(logits, class_B) == pytest.approx(np.mean(values))


def test_the_bound_is_capped_and_zero_for_nothing_shared() -> None:
    """Identical, well-separated views reach log K; identical rows everywhere share nothing that tells them apart."""
    apart = torch.eye(8)
    assert info_nce_bound(apart, apart, 0.01) == pytest.approx(math.log(8), abs=1e-5)
    alike = torch.nn.functional.normalize(torch.ones(8, 4), dim=1)
    assert info_nce_bound(alike, alike, 0.1) == pytest.approx(0, abs=1e-5)
