"""The audit beside its floor, FAISS' exact search of all rows by all rows: seconds, turn by turn, and what each takes in company.

    python -m benchmarks.audit --rows 70000 --dim 256
    python -m benchmarks.audit --rows 70000 --dim 256 --busy
    python -m benchmarks.audit --rows 70000 --dim 256 --floor 11.2 --busy

Unit vectors in 200 clusters, 10 classes, settings of `hard` (so that shares of the gradient are worked out, too). Both have the vectors in
memory and the same number of threads; a round is one of each, medians of the rounds are compared. With `--busy` a process of its own keeps
one core busy; the audit's time is then told beside the quiet floor, too, where `--floor` has that.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch

import samekind as sk
from benchmarks.audit_scale import company, make_index
from samekind.comparison.machine import processor
from samekind.indexer.audit import kept
from samekind.indexer.audit.audit import audit
from samekind.indexer.search.faiss_library import faiss


def measure(index: sk.Index, k: int, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the clock and of the processor, for each way by round."""
    kept.WORTH = sys.maxsize  # what the cache has of an earlier call is no measurement
    vectors = index.vectors()
    bare = faiss.IndexFlatIP(vectors.shape[1])
    bare.add(vectors)
    ways: dict[str, Callable[[], object]] = {
        "faiss": lambda: bare.search(vectors, k + 1),
        "audit": lambda: audit(index, k),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started, worked = time.perf_counter(), time.process_time()
            way()
            taken[name].append((time.perf_counter() - started, time.process_time() - worked))
    return taken


def main() -> None:
    """Prints hardware, both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=70_000)
    parser.add_argument("--dim", type=int, default=256)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", action="store_true", help="one more process computes all the while")
    parser.add_argument("--floor", type=float, help="seconds that FAISS took without --busy")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    faiss.omp_set_num_threads(arguments.threads)
    folder = Path(tempfile.mkdtemp(prefix="audit-"))
    try:
        make_index(folder / "index", arguments.rows, arguments.dim)
        with company(1) if arguments.busy else nullcontext():
            taken = measure(sk.Index.open(folder / "index"), arguments.k, arguments.rounds)
    finally:
        shutil.rmtree(folder)
    beside = "one busy process beside it" if arguments.busy else "nothing beside it of its own"
    print(
        f"{processor()}, {arguments.threads} threads, torch {torch.__version__}, FAISS {faiss.__version__}, {beside}; "
        f"{arguments.rows:,} x {arguments.dim}, k = {arguments.k}, medians of {arguments.rounds}"
    )
    clock, worked = ({name: float(np.median(np.array(t)[:, i])) for name, t in taken.items()} for i in (0, 1))
    for name in taken:
        print(f"{name:6} {clock[name]:7.2f} s  {worked[name]:7.2f} s of the processor")
    print(f"ratio  {clock['audit'] / clock['faiss']:7.2f}    {worked['audit'] / worked['faiss']:7.2f}")
    if arguments.floor:
        print(f"over the quiet floor of {arguments.floor:.2f} s: {clock['audit'] / arguments.floor:.2f}")


if __name__ == "__main__":
    main()
