"""What more answers are worth, by what those so far have bought.

Held-out images gain by answers about as much with every doubling of them: the gain of the last doubling, with its error, says what the
next ones bring. It is a forecast of the figure by which the guard judges, about the classes that were asked about. Its error is that of the
trend and of measuring what comes: three measurements, of which any two have the fewer answers in common, and as large a part of their
errors. On three packs it holds about as often as a standard error should (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Any

MORE = 100
_WIDE = 1.5
"""Times as many answers as an earlier adaptation had, from which on the two are far enough apart to compare."""


@dataclass(frozen=True)
class Worth:
    """A forecast.

    Attributes:
        more: answers that it is about.
        gain: by which the share of held-out comparisons that come out right is expected to rise.
        error: its standard error as a forecast of what will be measured.
    """

    more: int
    gain: float
    error: float

    @property
    def is_clear(self) -> bool:
        """True if the forecast is larger than its error."""
        return abs(self.gain) > self.error

    @property
    def line(self) -> str:
        """The forecast in words."""
        figure = f"{self.more} more answers: {100 * self.gain:+.1f} ± {100 * self.error:.1f} points of held-out images"
        if self.is_clear:
            return f"{figure}, if each doubling of the answers brings as much as the last one"
        return f"{figure}, so it cannot be told whether they help; classes that were not asked about yet gain most"


def worth_of_more(steps: Sequence[Mapping[str, Any]], more: int = MORE) -> Worth | None:
    """What `more` answers would bring, if each doubling of the answers goes on to bring as much as the last one.

    Args:
        steps: adaptations, the one in force last, as `Index.adaptations` lists them.
        more: answers to come, ≥ 1.

    Returns:
        The forecast; `None` without two adaptations of which the later one had half as many answers again.
    """
    if not steps:
        return None
    last = steps[-1]
    earlier = [step for step in steps[:-1] if last["answers"] >= _WIDE * step["answers"] > 0]
    if not earlier:
        return None
    first = min(earlier, key=lambda step: abs(2 * step["answers"] - last["answers"]))
    rises = [step["held_out"]["after"] - step["held_out"]["before"] for step in (first, last)]
    doublings = log(1 + more / last["answers"]) / log(last["answers"] / first["answers"])
    return Worth(more, (rises[1] - rises[0]) * doublings, _error(first, last, more, doublings))


def _error(first: Mapping[str, Any], last: Mapping[str, Any], more: int, doublings: float) -> float:
    """Of what the next measurement rises by, less what the first two say it will; it is taken to be as exact as the last one."""
    counts = first["answers"], last["answers"], last["answers"] + more
    parts = (
        doublings * first["held_out"]["error"],
        -(1 + doublings) * last["held_out"]["error"],
        last["held_out"]["error"],
    )
    measured = list(zip(counts, parts, strict=True))
    return sqrt(sum(a * b * min(n, m) / max(n, m) for n, a in measured for m, b in measured))
