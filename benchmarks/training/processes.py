"""Pairs a second of a training in one process and in two, of one thread each.

    python -m benchmarks.training.processes                     # about two minutes on two quiet cores
    python -m benchmarks.training.processes --corpus fashion-mnist --rounds 3

Whole trainings as `torchrun` starts them (gloo, CPU), one after the other in turns: with the same batch, which two share, and with the
batch of each as large as that of the one. Views are made in the same process, so that each takes one core. The figure is that of the last
epoch's record.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from samekind.comparison.machine import processor


def pairs_per_second(corpus: str, processes: int, batch: int, epochs: int) -> float:
    """Of the last epoch of one training."""
    with tempfile.TemporaryDirectory() as folder:
        train = [
            "-m", "samekind", "train", "--corpus", corpus, "--preset", "smoke", "--limit", "4096", "--epochs", str(epochs), "--batch-size",
            str(batch), "--workers", "0", "--device", "cpu", "--out", folder,
        ]  # fmt: skip
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", str(processes)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, *launcher, *train], check=True, capture_output=True, env=environment)
        last = (Path(folder) / "metrics.jsonl").read_text().splitlines()[-1]
    return float(json.loads(last)["pairs_per_second"])


def main() -> None:
    """Measures in turns and prints medians and spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="fashion-mnist", help="a corpus by name, or a folder")
    parser.add_argument("--batch", type=int, default=256, help="images a step of one process")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    kinds = {
        "1 process": (1, options.batch),
        "2 share the batch": (2, options.batch),
        "2, a batch each": (2, 2 * options.batch),
    }
    found: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(options.rounds):
        for name, (processes, batch) in kinds.items():
            found[name].append(pairs_per_second(options.corpus, processes, batch, options.epochs))
    one = statistics.median(found["1 process"])
    print(f"{options.corpus}, batch {options.batch}, one thread a process, {options.rounds} rounds, {processor()}")
    for name, speeds in found.items():
        middle = statistics.median(speeds)
        print(f"{name:20} {middle:7,.0f} pairs/s  ({min(speeds):,.0f} to {max(speeds):,.0f})  {middle / one:.2f} x")


if __name__ == "__main__":
    main()
