"""Time and peak memory of adapting an index to answers, by its size.

    python -m benchmarks.adapt_scale --rows 20000 200000 1000000

For each size an index of random unit vectors in clusters is made as a build would make it (inverted lists above 200,000 rows) and kept
under `--out`. Clusters are called the same by 50 screens of 20, and `samekind.adapt` runs in a fresh process: reading the answers, five
folds of the guard, the map, and the new search index. Imports are counted apart. Memory is the high-water mark of the process' resident
set, Python and FAISS included.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.audit_scale import make_index
from benchmarks.effective_batch import MIB, peak_bytes
from samekind.comparison.machine import processor

ROWS, DIM, CLASSES = (20_000, 200_000, 1_000_000), 256, 1_000
SCREENS, IMAGES = 50, 20
NOISE = 0.13  # where clusters do not overlap, nothing can be gained and the guard refuses


def answer(folder: Path) -> None:
    """Half of each screen is of the anchor's class."""
    import samekind as sk

    index, random = sk.Index.open(folder), np.random.default_rng(0)
    shutil.rmtree(folder / "db" / "verdicts.lance", ignore_errors=True)
    (folder / "db" / "verdicts.sha256").unlink(missing_ok=True)
    class_N, sha256 = np.array(index.labels), index.rows.column("sha256")
    given = []
    for anchor in random.choice(len(index), SCREENS, replace=False):
        own = np.flatnonzero(class_N == class_N[anchor])
        same = random.choice(own[own != anchor], min(IMAGES // 2, len(own) - 1), replace=False)
        other = random.choice(np.flatnonzero(class_N != class_N[anchor]), IMAGES // 2, replace=False)
        said = [*((row, "same") for row in same), *((row, "different") for row in other)]
        given += [sk.Verdict(sha256[anchor], sha256[row], verdict) for row, verdict in said]
    sk.VerdictTable(folder).add(given)


def measured(folder: Path) -> dict[str, object]:
    """In this process."""
    importing = time.perf_counter()
    import lancedb  # noqa: F401

    import samekind as sk

    adapt = sk.adapt
    started, before = time.perf_counter(), time.process_time()
    report = adapt(folder)
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - before
    index = sk.Index.open(folder)
    assert index.adaptation is not None, report.message
    assert index.adaptation.file is not None
    return {
        "rows": len(index),
        "kind": index.adaptation.file.index_type,
        "recall": index.adaptation.file.ann_recall,
        "answers": report.answers,
        "imports": round(started - importing, 2),
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor_seconds, 2),
        "peak_mib": round(peak_bytes() / MIB),
        "vectors_mib": round(len(index) * index.dim * 4 / MIB),
    }


def main() -> None:
    """Prints a line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--out", type=Path, default=Path("artifacts") / "adapt-scale")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measured(arguments.measure)))
        return
    print(f"{processor()}; random clusters of {arguments.dim} dimensions, {CLASSES:,} classes, n = 1", flush=True)
    for rows in arguments.rows:
        folder = arguments.out.absolute() / f"{rows}x{arguments.dim}"
        make_index(folder, rows, arguments.dim, CLASSES, exact=False, noise=NOISE)
        answer(folder)
        command = [sys.executable, "-m", "benchmarks.adapt_scale", "--measure", str(folder)]
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, text=True)
        print(done.stdout.strip(), flush=True)


if __name__ == "__main__":
    main()
