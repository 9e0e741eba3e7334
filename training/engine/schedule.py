"""Learning rate over the steps of a run."""

from __future__ import annotations

import math


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
