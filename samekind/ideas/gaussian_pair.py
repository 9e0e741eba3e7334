"""A pair of Gaussians whose mutual information and density ratio are known in closed form."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

# B pairs of a batch, which are the candidates of each other; D dimensions


@dataclass(frozen=True)
class GaussianPair:
    """`x, y ~ N(0, 1)` in each of `dim` independent dimensions, with correlation ρ.

    Attributes:
        dim: D.
        correlation: ρ in (−1, 1).
    """

    dim: int
    correlation: float

    @property
    def truth(self) -> float:
        """Mutual information in nats: `−D/2 · log(1 − ρ²)`."""
        return -self.dim / 2 * math.log(1 - self.correlation**2)

    @property
    def chi_squared(self) -> float:
        """χ² of the joint density against the product of the marginals: `(1 − ρ²)^−D − 1`, which is `e^(2 · truth) − 1`."""
        return math.exp(2 * self.truth) - 1

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """`count` independent pairs: x and y, `(count, D)` float64 each."""
        x, noise = torch.randn(2, count, self.dim, generator=generator, dtype=torch.float64)
        return x, self.correlation * x + math.sqrt(1 - self.correlation**2) * noise

    def critic(self, x_BD: Tensor, y_BD: Tensor) -> Tensor:
        """`(B, B)` log density ratio `log p(y | x) − log p(y)` of each x with each y.

        In every dimension it is `(2ρxy − ρ²(x² + y²)) / 2(1 − ρ²) − log(1 − ρ²) / 2`. The terms without y change nothing in the bound.
        """
        rho = self.correlation
        squares = x_BD.square().sum(1)[:, None] + y_BD.square().sum(1)[None, :]
        return (2 * rho * x_BD @ y_BD.T - rho**2 * squares) / (2 * (1 - rho**2)) + self.truth
