"""Gradient weights: sums of them without the weights themselves."""

from __future__ import annotations

import numpy as np
import pytest

from samekind.training.diagnostics.gradient_weights import GradientWeights


@pytest.mark.parametrize("temperature", [0.02, 0.2, 5.0])
@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0, 4.0])
def test_sums_equal_those_of_the_weights_in_float64(beta: float, temperature: float) -> None:
    """`Σ w max(0, (1+β) e − β S)` over all negatives and over parts of them, for negatives that are attracted, too, and what is none."""
    similarity_BN = np.random.default_rng(0).uniform(-1, 1, (5, 3000)).astype(np.float32)
    similarity_BN[np.arange(5), np.arange(5)] = -np.inf
    hardest_B1 = similarity_BN.max(1, keepdims=True)
    e_BN = np.exp((similarity_BN.astype(float) - hardest_B1) / temperature)
    w_BN = e_BN**beta
    w_BN[np.isneginf(similarity_BN)] = beta == 0  # 0⁰ = 1 times e = 0
    mean_B1 = (w_BN * e_BN).sum(1, keepdims=True) / w_BN.sum(1, keepdims=True)
    weight_BN = w_BN * np.maximum(0, (1 + beta) * e_BN - beta * mean_B1)
    sums = GradientWeights(temperature, beta).sums(similarity_BN.copy(), hardest_B1)
    whole_B, rounding = weight_BN.sum(1), 1e-6 + 1e-7 * (1 + beta) / temperature  # of float32, before the exponential
    for anchors, negatives in ((slice(None), slice(None)), (slice(1, 4), slice(100, 1700)), (slice(2), slice(0, 0))):
        expected = weight_BN[anchors, negatives].sum(1)
        assert np.abs(sums.of(anchors, negatives) - expected).max() <= rounding * whole_B.max()
    if beta:
        assert sums.mean_B1 is not None
        np.testing.assert_allclose(sums.mean_B1, mean_B1, rtol=1e-5)
