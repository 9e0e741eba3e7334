"""Cost of the probe: whole epochs with and without it, by turns.

    python -m benchmarks.probe_cost

Each turn trains the same encoder twice, once with the probe and once without; the order changes with every turn, so that a machine that
slows down slows both. An epoch is timed from its first step to its printed line: steps, the look at the probe, and accuracy on the
hold-out, which both have. The first epoch of each training is left out, since it warms up what the others find warm. What comes once,
after the last epoch (whitening, test accuracy and, of the probe, all images in training), is timed for itself.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import samekind as sk
from samekind.comparison.machine import hardware
from samekind.core.progress import NoProgress


class Clock(NoProgress):
    """Notes when each epoch's line was printed."""

    def __init__(self) -> None:
        self.moments: list[float] = []

    def print(self, line: str) -> None:
        """One line an epoch, and few others."""
        if line.startswith("epoch "):
            self.moments.append(time.perf_counter())

    @property
    def epochs(self) -> list[float]:
        """Seconds of every epoch but the first."""
        return [later - earlier for earlier, later in zip(self.moments, self.moments[1:], strict=False)]


def timed(corpus: sk.Corpus, preset: str, settings: dict[str, Any], *, probe: bool) -> tuple[list[float], float]:
    """Seconds of every epoch but the first, and of what comes after the last one."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        sk.train(corpus, preset, Path(folder) / "run", probe=probe, progress=clock, **settings)
        return clock.epochs, time.perf_counter() - clock.moments[-1]


def main() -> None:
    """Prints one JSON line a training and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="fashion-mnist")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--train-images", type=int, default=20_000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    corpus = sk.load_corpus(asked.corpus, data_dir=asked.data_dir)
    settings = {"limit": asked.train_images, "epochs": asked.epochs}
    epochs: dict[bool, list[float]] = {True: [], False: []}
    after: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(asked.turns):
        for probe in (True, False) if turn % 2 else (False, True):
            seconds, end = timed(corpus, asked.preset, {**settings, "seed": turn}, probe=probe)
            epochs[probe] += seconds
            after[probe].append(end)
            print(json.dumps({"turn": turn, "probe": probe, "epochs": seconds, "after": end}), flush=True)
    typical = {probe: statistics.median(values) for probe, values in epochs.items()}
    end_of = {probe: statistics.median(values) for probe, values in after.items()}
    print(
        f"median epoch {typical[True]:.2f} s with the probe, {typical[False]:.2f} s without: {typical[True] / typical[False] - 1:+.1%}; "
        f"after the last epoch {end_of[True]:.1f} s and {end_of[False]:.1f} s; {hardware('cpu')}"
    )


if __name__ == "__main__":
    main()
