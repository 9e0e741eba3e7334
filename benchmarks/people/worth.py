"""How far the forecast of what more answers are worth can be trusted: `sk.worth_of_more` beside what the answers then brought.

    samekind index --corpus photos.npz --encoder lite0 --out artifacts/photos
    python -m benchmarks.people.worth artifacts/photos [--seeds 3]

An oracle annotator answers screens (see `benchmarks.answers`); the index is adapted every hundred answers. Each forecast for the next
hundred is compared with the rise of the share of held-out comparisons that come out right. Nothing is chosen by it.
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
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{processor()}, samekind {sk.__version__}, every {STEP} answers up to {MOST:,}")
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(arguments.artefact, Path(work))
        off = np.array([each for seed in range(arguments.seeds) for each in _errors(bench, seed)])
    within = {f"within {times} standard errors": float((np.abs(off) <= times).mean()) for times in (1, 2)}
    print(json.dumps({"forecasts": len(off), **within, "mean, in standard errors": float(off.mean())}))


def _errors(bench: Bench, seed: int) -> list[float]:
    """What came less what was forecast, in standard errors, for each forecast of one annotator."""
    said = bench.screens(MOST, seed).verdicts
    off, forecast, before = [], None, 0.0
    for count in range(STEP, MOST + 1, STEP):
        sk.VerdictTable(bench.folder).add(said[count - STEP : count])
        report = bench.index.adapt()
        if not report.adapted or report.held_out.after is None or report.held_out.before is None:
            continue
        gain = report.held_out.after - report.held_out.before
        if forecast is not None:
            off.append((gain - before - forecast.gain) / forecast.error)
            print(
                json.dumps(
                    {
                        "seed": seed,
                        "answers": count,
                        "forecast": forecast.gain,
                        "error": forecast.error,
                        "came": gain - before,
                    }
                )
            )
        forecast, before = sk.worth_of_more(bench.index.adaptations(), STEP), gain
    while bench.index.adaptation is not None:
        bench.index.undo_adaptation()
    bench.forget()
    return off


if __name__ == "__main__":
    main()
