"""Noise-contrastive estimation in one dimension: a bell curve is fitted by telling data from noise.

The curve is not normalised: its height is a parameter like the others, and whether the area comes out as 1 shows whether it was learned.
Maximum likelihood would give the data's own mean and variance; that is what the estimate is held against.
Only a fit imports torch: data and noise are to be drawn before it is there.

# T data points, V noise points for each
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import NoProgress, Progress

if TYPE_CHECKING:
    from torch import Tensor

LEAST_PLACES = 20
"""Different values that a fit takes: with fewer, data and noise can often be told apart without an error, and then no curve is the best."""
_MOST_AREA = 10.0
_STEPS = 60
_GRID = np.linspace(-6.0, 6.0, 601)
_LOG_ROOT_2_PI = math.log(2 * math.pi) / 2


@dataclass(frozen=True)
class Noise:
    """The noise density q: a normal one.

    Attributes:
        mean, deviation: in standard deviations of the data.
    """

    mean: float
    deviation: float

    def density(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """q(u), of the shape of u."""
        return np.asarray(np.exp(-0.5 * ((u - self.mean) / self.deviation) ** 2 - _LOG_ROOT_2_PI) / self.deviation)


@dataclass(frozen=True)
class BellCurve:
    """`exp(constant + linear · z + square · z²) · q(u)` with z = (u − mean of q) / deviation of q, of any area."""

    noise: Noise
    constant: float
    linear: float
    square: float

    def density(self, u: NDArray[np.float64]) -> NDArray[np.float64]:
        """Height of the curve at u; finite, at most e³⁰."""
        z = (u - self.noise.mean) / self.noise.deviation
        log_q = -0.5 * z**2 - _LOG_ROOT_2_PI - math.log(self.noise.deviation)
        return np.asarray(np.exp(np.minimum(self.constant + self.linear * z + self.square * z**2 + log_q, 30.0)))

    @property
    def area(self) -> float:
        """What should be 1, between −6 and 6 standard deviations of the data."""
        return float(np.trapezoid(self.density(_GRID), _GRID))

    @property
    def has_run_away(self) -> bool:
        """True if its area is above 10: data and noise could be told apart so well that nothing held the curve."""
        return self.area > _MOST_AREA

    @property
    def error(self) -> float:
        """Half of the area between this curve and the normal one that maximum likelihood gives; 0 if it is that one."""
        best = Noise(0.0, 1.0).density(_GRID)
        return float(np.trapezoid(np.abs(self.density(_GRID) - best), _GRID) / 2)


def standardised(values_T: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values with mean 0 and variance 1, `(T,)`; all 0 where they do not vary."""
    centred = values_T - values_T.mean()
    deviation = float(centred.std())
    return np.asarray(centred / deviation if deviation > 0 else centred, dtype=np.float64)


def num_places(data_T: NDArray[np.float64]) -> int:
    """Number of different values, to six digits."""
    return len(np.unique(np.round(data_T, 6)))


def fit_bell(data_T: NDArray[np.float64], noise: Noise, ratio: int, seed: int = 0) -> BellCurve:
    """The curve that best tells data from `ratio` times as much noise, by `binary_loss`: logistic regression on 1, z and z².

    Args:
        data_T: `(T,)` standardised data.
        noise: q.
        ratio: ν ≥ 1, noise points for each data point.
        seed: of the noise.

    Source:
        Gutmann and Hyvärinen 2010, equations 3 to 8; with ν, 2012 (JMLR 13), equation 9.
    """
    import torch

    from samekind.ideas.minimising import minimised
    from samekind.training.objectives.contrastive import binary_loss
    from samekind.training.objectives.terms import Terms

    generator = torch.Generator().manual_seed(seed)
    data_T1 = torch.from_numpy((data_T - noise.mean) / noise.deviation)[:, None]
    noise_TV = torch.randn(len(data_T), ratio, generator=generator, dtype=torch.float64)
    log_count_T = torch.full((len(data_T),), math.log(ratio), dtype=torch.float64)
    positive, candidate = _features(data_T1.squeeze(1)), _features(noise_TV)
    mask, scale = torch.ones_like(noise_TV, dtype=torch.bool), torch.ones((), dtype=torch.float64)

    def loss(theta: Tensor) -> Tensor:
        terms = Terms(positive @ theta, candidate @ theta, mask, None, log_count_T)
        return binary_loss(terms, scale=scale, shift=log_count_T).mean()

    constant, linear, square = minimised(loss, (3,), steps=_STEPS, tolerance=1e-8).tolist()
    return BellCurve(noise, constant, linear, square)


def errors_by_ratio(
    data_T: NDArray[np.float64], noise: Noise, ratios: Sequence[int], repeats: int = 8, progress: Progress | None = None
) -> list[float]:
    """Median error of the estimate at each ν, over noise drawn `repeats` times.

    Args:
        data_T: `(T,)` standardised data.
        noise: q.
        ratios: each ν ≥ 1.
        repeats: draws of the noise, at least 1.
        progress: shows a bar.
    """
    with (progress or NoProgress()).task("Fitting", len(ratios) * repeats) as task:
        found = []
        for ratio in ratios:
            errors = []
            for seed in range(repeats):
                errors.append(fit_bell(data_T, noise, ratio, seed).error)
                task.advance()
            found.append(float(np.median(errors)))
        return found


def _features(z: Tensor) -> Tensor:
    import torch

    return torch.stack([torch.ones_like(z), z, z.square()], dim=-1)
