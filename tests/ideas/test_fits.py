"""What is fitted, held to closed forms and to implementations that are not ours."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from samekind import ideas

QUANTILES = ideas.standardised(norm.ppf((np.arange(400) + 0.5) / 400))


@pytest.mark.parametrize(("noise", "ratio"), [(ideas.Noise(0.0, 2.0), 1), (ideas.Noise(1.0, 1.5), 5)])
def test_the_estimate_is_logistic_regression(noise: ideas.Noise, ratio: int) -> None:
    """Scikit-learn finds the same coefficients from the same points; its intercept is less by log ν, the odds of the draw."""
    curve = ideas.fit_bell(QUANTILES, noise, ratio, seed=3)
    drawn = torch.randn(400, ratio, generator=torch.Generator().manual_seed(3), dtype=torch.float64).numpy().ravel()
    z = np.concatenate([(QUANTILES - noise.mean) / noise.deviation, drawn])
    is_data = np.concatenate([np.ones(400), np.zeros(len(drawn))])
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(np.stack([z, z**2], axis=1), is_data)
    assert [curve.linear, curve.square] == pytest.approx(other.coef_[0].tolist(), abs=1e-4)
    assert curve.constant == pytest.approx(float(other.intercept_[0]) + math.log(ratio), abs=1e-4)


def test_a_fit_does_not_import_the_compiler_of_torch() -> None:
    """The first step of any of torch's own optimisers does, and takes longer over that than all fits of a page together."""
    code = "import sys; from samekind import ideas; ideas.fit_bilinear(ideas.GaussianPair(1, 0.5)); "
    code += "ideas.fit_bell(ideas.standardised(ideas.Noise(0, 1).density(__import__('numpy').arange(9.0))), ideas.Noise(0, 1), 2); "
    code += "print('torch._dynamo' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert answer.stdout.strip() == "False", answer.stderr


def test_the_exact_curve_has_area_one_and_no_error() -> None:
    """log p − log q of two normal densities, in closed form; and a curve of twice the height is wrong by half of the area between."""
    noise = ideas.Noise(1.0, 2.0)
    exact = ideas.BellCurve(noise, math.log(2.0) - 0.5, -2.0, 0.5 - 2.0)
    assert exact.area == pytest.approx(1.0, abs=1e-6)
    assert exact.error == pytest.approx(0.0, abs=1e-6)
    double = ideas.BellCurve(noise, exact.constant + math.log(2.0), exact.linear, exact.square)
    assert double.area == pytest.approx(2.0, abs=1e-6)
    assert double.error == pytest.approx(0.5, abs=1e-6)


def test_more_noise_and_better_noise_err_less() -> None:
    """The error falls with ν, and noise that lies where no data is errs more than noise like the data."""
    near = ideas.errors_by_ratio(QUANTILES, ideas.Noise(0.0, 1.5), [1, 16], repeats=5)
    far = ideas.errors_by_ratio(QUANTILES, ideas.Noise(4.0, 1.0), [1, 16], repeats=5)
    assert near[1] < near[0]
    assert far[0] > 2 * near[0]
    assert far[1] > 2 * near[1]


def test_what_does_not_vary_stays_finite() -> None:
    """Equal values are all 0 after standardising."""
    assert ideas.standardised(np.full(5, 3.0)).tolist() == [0.0] * 5


@pytest.mark.parametrize("correlation", [0.3, -0.6])
def test_the_learned_score_is_the_density_ratio(correlation: float) -> None:
    """W comes out near its closed form: ρ / (1 − ρ²) for x·c, and −ρ² / 2(1 − ρ²) for x²; so does the ratio where pairs lie."""
    pair = ideas.GaussianPair(1, correlation)
    score = ideas.fit_bilinear(pair)
    rest = 1 - correlation**2
    assert score.weight_FF[1, 1] == pytest.approx(correlation / rest, abs=0.1)
    assert score.weight_FF[2, 0] == pytest.approx(-(correlation**2) / (2 * rest), abs=0.1)
    grid = np.linspace(-1, 1, 5)
    truth = pair.critic(*(torch.from_numpy(grid)[:, None],) * 2).numpy()
    assert score.log_ratio(grid, grid) == pytest.approx(truth, abs=0.25)


def test_the_factor_that_is_left_open_is_put_right() -> None:
    """The closed form's W, with anything added that depends on c alone, gives the log density ratio itself."""
    rho, grid = 0.7, np.linspace(-2, 2, 5)
    rest = 1 - rho**2
    weight = np.array([[3.0, -2.0, 5.0], [0, rho / rest, 0], [-(rho**2) / (2 * rest), 0, 0]])
    pair = ideas.GaussianPair(1, rho)
    truth = pair.critic(*(torch.from_numpy(grid)[:, None],) * 2).numpy()
    assert ideas.BilinearScore(weight).log_ratio(grid, grid) == pytest.approx(truth, abs=1e-6)


def test_picking_is_the_softmax() -> None:
    """Probabilities are those of NumPy's softmax; equal similarities give 1 / N to each."""
    negative = np.array([0.2, -0.5, 0.85], dtype=np.float32)
    exps = np.exp(np.concatenate([[0.9], negative.astype(np.float64)]) / 0.2)
    assert ideas.pick_probabilities(0.9, negative, 0.2) == pytest.approx(exps / exps.sum(), abs=1e-7)
    assert ideas.pick_probabilities(0.5, np.full(7, 0.5, dtype=np.float32), 0.1) == pytest.approx([1 / 8] * 8)


def test_the_bound_grows_with_the_candidates_and_stays_below_its_cap() -> None:
    """One candidate bounds nothing; of a great truth the cap is nearly reached, and an easy truth nearly."""
    counts = [1, 4, 64, 512]
    far, easy = (ideas.bound_by_candidates(ideas.GaussianPair(8, rho), counts) for rho in (0.97, 0.4))
    assert far[0] == pytest.approx(0.0, abs=1e-12)
    assert all(bound <= math.log(count) + 1e-12 for bound, count in zip(far, counts, strict=True))
    assert far[2] > 0.95 * math.log(64)
    assert easy == sorted(easy)
    assert easy[3] == pytest.approx(ideas.GaussianPair(8, 0.4).truth, abs=0.1)
