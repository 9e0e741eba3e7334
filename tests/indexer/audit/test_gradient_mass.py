"""The push on the kept negatives: closed forms, the derivative of the loss itself, and an audit's own shares."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.indexer.audit import gradient_mass as module
from samekind.indexer.audit.gradient_mass import GradientMass
from samekind.indexer.audit.report import Pairs


def kept(similarity_AK: list[list[float]], false_AK: list[list[int]]) -> Pairs:
    """Pairs of an audit with these similarities and truths."""
    similarity, false = np.array(similarity_AK), np.array(false_AK, dtype=np.int8)
    return Pairs([], None, np.arange(len(false)), np.zeros(false.shape, np.int64), similarity, false, None)


def gradient_mass(pairs: Pairs, k: int, temperature: float, beta: float = 0.0) -> GradientMass:
    """The push on these pairs."""
    return module.gradient_mass(pairs.similarity_AK, pairs.false_AK, k, temperature, beta)


def drawn(anchors: int = 30, k: int = 8, seed: int = 0) -> Pairs:
    """Random similarities in falling order, the near ones more often false."""
    random = np.random.default_rng(seed)
    similarity = -np.sort(-random.uniform(-0.2, 0.9, (anchors, k)), axis=1)
    return kept(similarity.tolist(), (random.random((anchors, k)) < similarity.clip(0.1)).astype(int).tolist())


def test_two_negatives_have_the_softmax_of_their_similarities() -> None:
    """The nearer one, of the anchor's class, draws e^(1/τ) / (e^(1/τ) + 1); the mean over anchors is that of their shares."""
    both = kept([[1.0, 0.0], [0.5, 0.5]], [[1, 0], [0, 1]])
    found = gradient_mass(both, 2, 0.5)
    first = math.exp(2) / (math.exp(2) + 1)
    assert found.share == pytest.approx((first + 0.5) / 2)
    assert found.same_class == 0.5
    assert [row["pushed"] for row in found.by_rank] == pytest.approx([(first + 0.5) / 2, (1 - first + 0.5) / 2])
    assert [row["same_class"] for row in found.by_rank] == pytest.approx([first / 2, 0.25])


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
def test_weights_are_the_positive_parts_of_the_derivative(beta: float) -> None:
    """Each share is the derivative of R = K Σ w e / Σ w by its own similarity, where that is positive, over their sum."""
    pairs, tau = drawn(), 0.2
    shares, by_rank = [], np.zeros(8)
    for similarity, false in zip(pairs.similarity_AK, pairs.false_AK, strict=True):
        s = torch.tensor(similarity, requires_grad=True)
        w, e = (beta * s / tau).exp(), (s / tau).exp()
        (8 * (w * e).sum() / w.sum()).backward()
        assert s.grad is not None
        push: NDArray[np.float64] = s.grad.clamp(min=0).numpy()
        by_rank += push / push.sum() / len(pairs.anchor_A)
        shares.append(push[false == 1].sum() / push.sum())
    found = gradient_mass(pairs, 8, tau, beta)
    assert found.share == pytest.approx(np.mean(shares), rel=1e-4)
    assert [row["pushed"] for row in found.by_rank] == pytest.approx(by_rank, rel=1e-4)


def test_the_ends_of_the_temperature() -> None:
    """A great τ pushes all alike, so that the share is the rate; a small one leaves the hardest, so that it is the rate at rank 1."""
    pairs = drawn()
    even = gradient_mass(pairs, 8, 1e4)
    assert even.share == pytest.approx(even.same_class, abs=1e-4)
    assert gradient_mass(pairs, 8, 1e-4).share == pytest.approx((pairs.false_AK[:, 0] == 1).mean(), abs=1e-3)


@given(st.integers(1, 8), st.floats(0.02, 5), st.floats(0, 4))
def test_parts_make_up_the_whole(k: int, temperature: float, beta: float) -> None:
    """Ranks sum to the whole push and to the share; the nearer of two ranks never draws less."""
    found = gradient_mass(drawn(), k, temperature, beta)
    pushed = [row["pushed"] for row in found.by_rank]
    assert len(pushed) == k
    assert sum(pushed) == pytest.approx(1, abs=1e-5)
    assert sum(row["same_class"] for row in found.by_rank) == pytest.approx(found.share, abs=1e-5)
    assert all(first >= second - 1e-6 for first, second in itertools.pairwise(pushed))


def test_blocks_and_unknown_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks change nothing; a negative of unknown class counts neither way; without any label there is no share."""
    pairs = drawn()
    whole = gradient_mass(pairs, 5, 0.1, 1.0)
    monkeypatch.setattr(module, "_BLOCK_VALUES", 35)
    assert gradient_mass(pairs, 5, 0.1, 1.0).share == pytest.approx(whole.share, abs=1e-7)
    half = kept([[1.0, 0.0, 0.0]], [[-1, 1, 0]])
    assert gradient_mass(half, 3, 1.0).share == pytest.approx(0.5)
    unknown = gradient_mass(kept([[0.9, 0.1]], [[-1, -1]]), 2, 1.0)
    assert (unknown.share, unknown.same_class) == (None, None)
    assert sum(row["pushed"] for row in unknown.by_rank) == pytest.approx(1)


def test_what_has_no_label_is_left_out_and_counted() -> None:
    """All figures are those of a loop over the negatives of known class; the parts sum to the share, and a great τ makes it the rate."""
    pairs = drawn()
    false = np.where(np.random.default_rng(1).random(pairs.false_AK.shape) < 0.4, -1, pairs.false_AK)
    false[3], false[7] = -1, -1
    shares, rates, told = [], [], [a for a in range(30) if (false[a] >= 0).any()]
    for a in told:
        push = np.exp(pairs.similarity_AK[a] / 0.2)
        shares.append(push[false[a] == 1].sum() / push[false[a] >= 0].sum())
        rates.append((false[a] == 1).sum() / (false[a] >= 0).sum())
    partly = kept(pairs.similarity_AK.tolist(), false.tolist())
    found = gradient_mass(partly, 8, 0.2)
    assert found.share == pytest.approx(np.mean(shares), rel=1e-5)
    assert found.same_class == pytest.approx(np.mean(rates))
    assert sum(row["pushed"] for row in found.by_rank) == pytest.approx(1)
    assert sum(row["same_class"] for row in found.by_rank) == pytest.approx(found.share, rel=1e-5)
    assert (found.num_anchors_left_out, found.num_negatives_left_out) == (30 - len(told), (false[told] < 0).sum())
    assert gradient_mass(partly, 8, 1e4).share == pytest.approx(found.same_class, abs=1e-4)
    assert gradient_mass(pairs, 8, 0.2).num_negatives_left_out == 0


def test_settings_out_of_range_are_refused() -> None:
    """k beyond what was kept, a temperature of 0, a negative hardness."""
    for k, temperature, beta in ((9, 0.1, 0.0), (0, 0.1, 0.0), (2, 0.0, 0.0), (2, math.nan, 0.0), (2, 0.1, -1.0)):
        with pytest.raises(InputError):
            gradient_mass(drawn(), k, temperature, beta)
