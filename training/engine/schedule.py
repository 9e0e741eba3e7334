"""Place of a step in a run, and its learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """The steps of a run.

    Attributes:
        total_steps: of the whole run, ≥ 1.
        peak: highest learning rate.
        warmup: share of the steps in which the rate rises, in [0, 1).
    """

    total_steps: int
    peak: float
    warmup: float

    def progress(self, step: int) -> float:
        """Place of a 0-based step: 0 at the first, 1 at the last (and at the only one)."""
        return step / (self.total_steps - 1) if self.total_steps > 1 else 1.0

    def learning_rate(self, step: int) -> float:
        """Learning rate at a 0-based step."""
        return self.peak * warmup_cosine(step, self.total_steps, self.warmup)


def warmup_cosine(step: int, total: int, warmup: float) -> float:
    """Factor of the peak learning rate at a step: linear rise, then half a cosine down to 0.

    Args:
        step: 0-based step, below `total`.
        total: steps of the whole run, ≥ 1.
        warmup: share of the steps in which the rate rises, in [0, 1).

    Returns:
        A factor in (0, 1].

    Source:
        SGDR, arXiv 1608.03983, equation 5, without restarts.
    """
    rise = max(1, round(total * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise + 1) / (total - rise + 1)))
