"""Distribution of an objective's gradient over an anchor's negatives, as a function of their similarities alone; for probe and audit.

Torch is imported where it is used: an audit that is kept needs the settings and not the weights.
"""

# B anchors, N negatives, K of them

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

_Floats = NDArray[np.float32]
_WEIGHTED_BY_SIMILARITY = ("info_nce", "decoupled", "debiased", "hard")


@dataclass(frozen=True)
class GradientWeights:
    """Gradient weights of an anchor's negatives under an objective.

    A negative of similarity s is repelled by the positive part of the derivative of `R = N Σ w e / Σ w` by s, which is proportional to
    `w ((1+β) e − β S)` with `e = exp(s/τ)`, `w = exp(β s/τ)` and `S = Σ w e / Σ w`: w is part of the objective, not a constant, so a
    negative below `e = β S / (1+β)` is attracted and has weight 0. β = 0 leaves `e`. The class prior τ⁺ scales all of an anchor's
    derivatives alike and changes no share, unless its floor is hit: then the anchor has no gradient at all.

    Attributes:
        temperature: τ > 0.
        beta: hardness β ≥ 0.
    """

    temperature: float
    beta: float = 0.0

    def weights(self, similarity_BN: Tensor, hardest_B1: Tensor) -> tuple[Tensor, Tensor | None]:
        """Gradient weight of each negative, relative to e and w of the anchor's hardest one, so that nothing overflows.

        Args:
            similarity_BN: `(B, N)` float32 cosines, −∞ for what is no negative (it gets 0). Overwritten.
            hardest_B1: `(B, 1)` the greatest of each row.

        Returns:
            `(B, N)` float32 weights ≥ 0, and `(B, 1)` S on the same scale; `None` where β = 0 needs no S.
        """
        import torch

        temperature, beta = self.temperature, self.beta
        scaled_BN = torch.add(-hardest_B1 / temperature, similarity_BN, alpha=1 / temperature, out=similarity_BN)
        if not beta:
            return scaled_BN.exp_(), None
        other_BN = (scaled_BN * beta).exp_() if beta != 1 else None
        e_BN = scaled_BN.exp_()
        w_BN = e_BN if other_BN is None else other_BN
        mean_B1 = torch.linalg.vecdot(w_BN, e_BN)[:, None] / w_BN.sum(1, keepdim=True)
        weight_BN = torch.add(-beta * mean_B1, e_BN, alpha=1 + beta).clamp_(min=0).mul_(w_BN)
        return weight_BN, mean_B1

    def sums(self, similarity_BN: _Floats, hardest_B1: _Floats) -> WeightSums:
        """The same weights where only sums of them are asked for: of a whole audit, in fewer passes over memory.

        Args:
            similarity_BN: as for `weights`, and overwritten likewise.
            hardest_B1: likewise.
        """
        import torch

        scaled_BN = torch.from_numpy(similarity_BN)
        shift_B1 = torch.from_numpy(hardest_B1) / -self.temperature
        torch.add(shift_B1, scaled_BN, alpha=1 / self.temperature, out=scaled_BN)
        if not self.beta:
            return WeightSums(0.0, np.exp(similarity_BN, out=similarity_BN))
        w_BN = np.exp(similarity_BN * np.float32(self.beta)) if self.beta != 1 else None
        e_BN = np.exp(similarity_BN, out=similarity_BN)
        w_BN = e_BN if w_BN is None else w_BN
        mean_B1 = (np.vecdot(w_BN, e_BN) / _sums(w_BN))[:, None]
        floor_B1 = np.float32(self.beta / (1 + self.beta)) * mean_B1
        above_BN = torch.maximum(torch.from_numpy(e_BN), torch.from_numpy(floor_B1)).numpy()
        return WeightSums(self.beta, w_BN, above_BN, floor_B1, mean_B1)

    def weights_of(
        self, similarity_BK: NDArray[np.float64], hardest_B1: NDArray[np.float64], mean_B1: Tensor | NDArray[Any] | None
    ) -> NDArray[np.float64]:
        """Gradient weights of a few negatives in float64, on the scale of the `weights` or `sums` that gave `mean_B1`."""
        e_BK = np.exp((similarity_BK - hardest_B1) / self.temperature)
        if mean_B1 is None:
            return np.asarray(e_BK)
        above = (1 + self.beta) * e_BK - self.beta * np.asarray(mean_B1, dtype=np.float64)
        return np.asarray(e_BK**self.beta * np.maximum(0.0, above))

    def weights_among(self, similarity_BK: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(B, K)` gradient weights in float64, hardest negative first, as if these were all negatives that there are."""
        hardest_B1 = similarity_BK[:, :1]
        if not self.beta:
            return self.weights_of(similarity_BK, hardest_B1, None)
        e_BK = np.exp((similarity_BK - hardest_B1) / self.temperature)
        w_BK = e_BK**self.beta
        mean_B1 = (w_BK * e_BK).sum(1, keepdims=True) / w_BK.sum(1, keepdims=True)
        return self.weights_of(similarity_BK, hardest_B1, mean_B1)


@dataclass(frozen=True)
class WeightSums:
    """Sums of gradient weights; made by `GradientWeights.sums`.

    As `w max(0, (1+β) e − β S)` is `(1+β) (w max(e, f) − w f)` with the floor `f = β S / (1+β)`, a sum is one product of two arrays less
    f times another sum. The sum over all negatives is no less than `Σ w e`, so the difference does not lose digits.

    Attributes:
        beta: hardness β.
        w_BN: `(B, N)` w; e where β = 0.
        above_BN: `(B, N)` the greater of e and f; `None` where β = 0.
        floor_B1: `(B, 1)` f; `None` likewise.
        mean_B1: `(B, 1)` S; `None` likewise.
    """

    beta: float
    w_BN: _Floats
    above_BN: _Floats | None = None
    floor_B1: _Floats | None = None
    mean_B1: _Floats | None = None

    def of(self, anchors: slice, negatives: slice) -> NDArray[np.float64]:
        """`(B',)` for some of the anchors the sum over some of the negatives, ≥ 0."""
        w_BN = self.w_BN[anchors, negatives]
        sum_B = _sums(w_BN).astype(np.float64)
        if self.above_BN is None or self.floor_B1 is None:
            return sum_B
        product_B = np.vecdot(w_BN, self.above_BN[anchors, negatives]).astype(np.float64)
        return np.asarray((1 + self.beta) * np.maximum(0.0, product_B - self.floor_B1[anchors, 0] * sum_B))


def _sums(value_BN: _Floats) -> _Floats:
    """Row by row, by torch: four times as fast as NumPy's sum."""
    import torch

    sums: _Floats = torch.from_numpy(value_BN).sum(1).numpy()
    return sums


def gradient_weights_of(objective: str, temperature: float, beta: float) -> GradientWeights | None:
    """Gradient weights of an objective; `None` if they do not follow from similarities.

    Args:
        objective: one of `samekind.training.config.objective.OBJECTIVES`.
        temperature: τ > 0.
        beta: hardness; only `hard` has any.
    """
    if objective not in _WEIGHTED_BY_SIMILARITY:
        return None
    return GradientWeights(temperature, beta if objective == "hard" else 0.0)
