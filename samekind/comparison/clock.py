"""Remaining time of a comparison."""

from __future__ import annotations

import time
from collections.abc import Sequence

from samekind.comparison.settings import Settings
from samekind.comparison.trials import FinishedTrials, Trial


class Clock:
    """Estimates the remaining time: by this call's own pace, before that by the finished trials of the same length."""

    def __init__(self, settings: Settings, finished: FinishedTrials, missing: Sequence[Trial]) -> None:
        self._total = len(missing)
        self._started = time.monotonic()
        lengths = {(trial.corpus.name, trial.config.steps) for trial in missing}
        known = [r["wall_seconds"] for r in finished.records if (r["corpus"], r["steps"]) in lengths]
        budget = settings.parsed_budget.seconds
        each = sum(known) / len(known) if known else (None if budget is None else 1.5 * budget + 30)
        self._guess = None if each is None else each / settings.jobs

    def outlook(self, done: int) -> str:
        """Number of trials to come and about how long they take."""
        to_go = self._total - done
        pace = (time.monotonic() - self._started) / done if done else self._guess
        if not to_go:
            return "nothing left to compute"
        return f"{to_go} to compute" + (
            ", how long is known after the first" if pace is None else f", about {_span(pace * to_go)}"
        )


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
