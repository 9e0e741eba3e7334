"""Intervals of shares that were counted."""

from __future__ import annotations

from math import sqrt

_DEVIATIONS = 1.96  # 95 %


def wilson(count: int, total: int) -> tuple[float, float]:
    """Ends of the 95 % interval of a share, in [0, 1].

    Args:
        count: how many of the total.
        total: at least 1.

    Source:
        Wilson's score interval, J. Am. Stat. Assoc. 22, 1927.
    """
    share, spread = count / total, _DEVIATIONS**2 / total
    middle = (share + spread / 2) / (1 + spread)
    half = _DEVIATIONS * sqrt(share * (1 - share) / total + spread / (4 * total)) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)
