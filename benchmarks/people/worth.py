"""How far the forecast of what more answers are worth can be trusted: `sk.worth_of_more` beside what the answers then brought.

    samekind index --corpus photos.npz --encoder lite0 --out artifacts/photos
    python -m benchmarks.people.worth artifacts/photos [--seeds 3]

An oracle annotator answers screens (see `benchmarks.answers`); the index is adapted every hundred answers. Each forecast for the next
hundred is compared with the rise of the share of held-out comparisons that come out right: in standard errors of the forecast, as the
page shows it, and with the errors of both measurements of the rise added. Nothing is chosen by it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from math import hypot
from pathlib import Path

import numpy as np

import samekind as sk
from benchmarks.answers import Bench
from samekind.comparison.machine import processor

STEP, MOST = 100, 1000


def main() -> None:
    """Prints each forecast beside what came, then how often it lay within one and two standard errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artefact", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{processor()}, samekind {sk.__version__}, every {STEP} answers up to {MOST:,}")
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(arguments.artefact, Path(work))
        off = np.array([each for seed in range(arguments.seeds) for each in _errors(bench, seed)]).T
    for name, errors in zip(("of the forecast", "of forecast and rise"), off, strict=True):
        within = {f"within {times} standard errors {name}": int((np.abs(errors) <= times).sum()) for times in (1, 2)}
        print(json.dumps({"forecasts": len(errors), **within, "mean, in standard errors": float(errors.mean())}))


def _errors(bench: Bench, seed: int) -> list[tuple[float, float]]:
    """What came less what was forecast, in standard errors without and with those of the rise, for each forecast of one annotator."""
    said = bench.screens(MOST, seed).verdicts
    off, forecast, before, before_error = [], None, 0.0, 0.0
    for count in range(STEP, MOST + 1, STEP):
        sk.VerdictTable(bench.folder).add(said[count - STEP : count])
        report = bench.index.adapt()
        if not report.adapted or report.held_out.after is None or report.held_out.before is None:
            continue
        gain, error = report.held_out.after - report.held_out.before, report.held_out.error or 0.0
        if forecast is not None:
            missed = gain - before - forecast.gain
            off.append((missed / forecast.error, missed / hypot(forecast.error, before_error, error)))
            print(
                json.dumps(
                    {
                        "seed": seed,
                        "answers": count,
                        "forecast": forecast.gain,
                        "error": forecast.error,
                        "came": gain - before,
                        "error of what came": hypot(before_error, error),
                    }
                )
            )
        forecast, before, before_error = sk.worth_of_more(bench.index.adaptations(), STEP), gain, error
    while bench.index.adaptation is not None:
        bench.index.undo_adaptation()
    bench.forget()
    return off


if __name__ == "__main__":
    main()
