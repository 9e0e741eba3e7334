"""How far the forecast of what more answers are worth can be trusted: `sk.worth_of_more` beside what the answers then brought.

    samekind index --corpus photos.npz --encoder lite0 --out artifacts/photos
    python -m benchmarks.people.worth artifacts/photos [--seeds 3 4 5]

An oracle annotator answers screens (see `benchmarks.answers`); the index is adapted every hundred answers. Each forecast for the next
hundred is compared with the rise of the share of held-out comparisons that come out right, in standard errors of the forecast.
"""

from __future__ import annotations

import argparse
import json
import tempfile
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
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    print(f"{processor()}, samekind {sk.__version__}, every {STEP} answers up to {MOST:,}")
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(arguments.artefact, Path(work))
        told = np.array([each for seed in arguments.seeds for each in _forecasts(bench, seed)]).T
    came, gain, error = told
    off = (came - gain) / error
    within = {f"within {times} standard errors": int((np.abs(off) <= times).sum()) for times in (1, 2)}
    means = {"mean error, in standard errors": off.mean(), "root mean square": np.sqrt(np.square(off).mean())}
    points = {"forecast": gain, "came": came, "absolute error": np.abs(came - gain), "of nothing": np.abs(came)}
    means |= {f"mean {name}, points": 100 * values.mean() for name, values in points.items()}
    print(
        json.dumps({"forecasts": len(off), **within, **{name: round(float(mean), 3) for name, mean in means.items()}})
    )


def _forecasts(bench: Bench, seed: int) -> list[tuple[float, float, float]]:
    """What came, what was forecast, and its standard error, for each forecast of one annotator."""
    said = bench.screens(MOST, seed).verdicts
    found, forecast, before = [], None, 0.0
    for count in range(STEP, MOST + 1, STEP):
        sk.VerdictTable(bench.folder).add(said[count - STEP : count])
        report = bench.index.adapt()
        if not report.adapted or report.held_out.after is None or report.held_out.before is None:
            continue
        gain = report.held_out.after - report.held_out.before
        if forecast is not None:
            found.append((gain - before, forecast.gain, forecast.error))
            told = {"came": gain - before, "forecast": forecast.gain, "error": forecast.error}
            print(json.dumps({"seed": seed, "answers": count, **told}), flush=True)
        forecast, before = sk.worth_of_more(bench.index.adaptations(), STEP), gain
    while bench.index.adaptation is not None:
        bench.index.undo_adaptation()
    bench.forget()
    return found


if __name__ == "__main__":
    main()
