"""Time and peak memory of the audit by size of the index.

    python -m benchmarks.audit_scale --rows 60000 1000000
    python -m benchmarks.audit_scale --rows 70000 --dim 256 --busy 1

For each size an index of random unit vectors in clusters is made as a build would make it (LanceDB table, exact FAISS index, manifest) and
kept under `--out`; the audit then runs in a fresh process, which opens the index as anybody would. Up to 200,000 rows all are anchors,
above that a seeded 10,000, each against all rows.

Memory is the high-water mark of the process' resident set (VmHWM on Linux), Python and torch included; `vectors` is N × D × 4 bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.effective_batch import MIB, peak_bytes
from samekind.comparison.machine import processor
from samekind.core.progress import NoProgress
from samekind.training.runtime.artefact import META, WEIGHTS, write_json

ROWS, DIM, CLASSES, CLUSTERS, K = (60_000, 1_000_000), 128, 10, 200, 10
NOISE = 0.09
"""A row is its cluster's centre plus this much of a standard normal vector: rows of a cluster have a mean cosine of about 0.5."""
CHUNK = 50_000
SEED = 0
Draw = Callable[[np.random.Generator, int, int], NDArray[np.float32]]


@dataclass(frozen=True)
class Measurement:
    """One audit.

    Attributes:
        rows: of the index.
        anchors: of the audit.
        seconds: of the audit, the index's files read for it included.
        processor_seconds: that all its threads together worked: divided by the threads, what it takes on a machine without other work.
        start_bytes: high-water mark before: Python, torch and the opened index.
        peak_bytes: high-water mark of the process.
        base_rate, false_negative_rate: what it found, as a check.
    """

    rows: int
    anchors: int
    seconds: float
    processor_seconds: float
    start_bytes: int
    peak_bytes: int
    base_rate: float | None
    false_negative_rate: float | None


def make_index(
    folder: Path,
    rows: int,
    dim: int,
    classes: int = CLASSES,
    *,
    exact: bool = True,
    noise: float = NOISE,
    draw: Draw | None = None,
) -> float:
    """Leaves a finished index of `rows` vectors in `folder`; one that is there is kept.

    Args:
        folder: the artefact.
        rows: N.
        dim: D.
        classes: cluster i is of class i modulo this.
        exact: whatever the size, and not as in the product up to 200,000 rows. The audit compares vectors and does not search: to train
            4,000 inverted lists would take minutes and change nothing that it measures.
        noise: see `NOISE`.
        draw: makes the vectors, in place of clusters.

    Returns:
        Seconds that the FAISS file took, and what else stands beside the table; 0 if the index was there.
    """
    from samekind.indexer.building.finish import finish
    from samekind.indexer.search import vector_index
    from samekind.indexer.storage.layout import MANIFEST
    from samekind.indexer.storage.table import ImageTable

    if (folder / MANIFEST).exists():
        return 0.0
    folder.mkdir(parents=True, exist_ok=True)
    weights = b"no encoder: the vectors are random"
    fingerprint = hashlib.sha256(weights).hexdigest()
    (folder / WEIGHTS).write_bytes(weights)
    config = {"objective": "hard", "temperature": 0.2, "beta": 1.0, "treatment": "none"}
    write_json(folder / META, {"format": 1, "encoder": {"fingerprint": fingerprint}, "config": config, "corpus": {}})
    table = ImageTable(folder)
    if not table.exists() or len(table) != rows:
        table.create(dim)
        for part in _tables(rows, dim, classes, noise if draw is None else draw):
            table.append(part)
    if exact:
        vector_index.EXACT_LIMIT = max(vector_index.EXACT_LIMIT, rows)
    started = time.perf_counter()
    finish(folder, fingerprint, (), NoProgress())
    return time.perf_counter() - started


def measure(folder: Path, k: int, threads: int) -> Measurement:
    """Audits in a fresh process.

    Raises:
        CalledProcessError: the audit failed; what it wrote to standard error is passed on.
    """
    command = [sys.executable, "-m", "benchmarks.audit_scale", "--measure", str(folder), "--k", str(k)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [*command, "--threads", str(threads)], cwd=root, check=True, stdout=subprocess.PIPE, text=True
    )
    return Measurement(**json.loads(done.stdout))


@contextmanager
def company(processes: int) -> Iterator[None]:
    """Keeps that many processes busy on one core each."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    """Prints what was measured where, then one line a size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--classes", type=int, default=CLASSES)
    parser.add_argument("--k", type=int, default=K)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("artifacts") / "audit-scale")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside it all the while")
    parser.add_argument("--only-make", action="store_true", help="leave the measuring to a later call")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(asdict(_audit(arguments.measure, arguments.k, arguments.threads))))
        return
    print(
        f"{processor()}, {arguments.threads} threads, torch {torch.__version__}, {arguments.busy} busy beside; random clusters of "
        f"{arguments.dim} dimensions, {arguments.classes:,} classes, k = {arguments.k}, seed {SEED}, n = 1"
    )
    print("      rows  anchors  seconds processor       peak  before it   vectors   false    base")
    for rows in arguments.rows:
        folder = arguments.out.absolute() / f"{rows}x{arguments.dim}x{arguments.classes}"
        make_index(folder, rows, arguments.dim, arguments.classes)
        if not arguments.only_make:
            with company(arguments.busy):
                _print(measure(folder, arguments.k, arguments.threads), rows * arguments.dim * 4)


def _print(found: Measurement, vector_bytes: int) -> None:
    print(
        f"{found.rows:>10,} {found.anchors:>8,} {found.seconds:>8.1f} {found.processor_seconds:>9.1f} {found.peak_bytes / MIB:>6,.0f} MiB "
        f"{found.start_bytes / MIB:>6,.0f} MiB {vector_bytes / MIB:>5,.0f} MiB {found.false_negative_rate or 0:>7.4f} "
        f"{found.base_rate or 0:>7.4f}",
        flush=True,
    )


def _audit(folder: Path, k: int, threads: int) -> Measurement:
    import samekind as sk

    torch.set_num_threads(threads)
    index = sk.Index.open(folder)
    start_bytes, start, worked = peak_bytes(), time.perf_counter(), time.process_time()
    report = index.audit(k=k)
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - worked
    return Measurement(
        len(index),
        report.num_anchors,
        seconds,
        processor_seconds,
        start_bytes,
        peak_bytes(),
        report.base_rate,
        report.false_negative_rate,
    )


def _tables(rows: int, dim: int, classes: int, noise: float | Draw) -> Iterator[Any]:
    """The index's rows as Arrow tables; classes take turns, so that the table's order says nothing."""
    import pyarrow as pa

    random = np.random.default_rng(SEED)
    clusters = max(CLUSTERS, classes)
    centre = random.normal(size=(clusters, dim)).astype(np.float32)
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    for start in range(0, rows, CHUNK):
        count = min(CHUNK, rows - start)
        cluster = random.integers(0, clusters, count)
        if isinstance(noise, float):
            vectors = centre[cluster] + noise * random.normal(size=(count, dim)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        else:
            vectors = noise(random, count, dim)
        ids = [f"train/{row:07d}" for row in range(start, start + count)]
        texts = {
            "id": ids,
            "uri": ids,
            "split": ["train"] * count,
            "label": [f"class {number % classes}" for number in cluster.tolist()],
            "sha256": [hashlib.sha256(id_.encode()).hexdigest() for id_ in ids],
            "corpus": ["random"] * count,
        }
        columns = {name: pa.array(values, pa.string()) for name, values in texts.items()}
        sizes = {name: pa.array([1] * count, pa.int32()) for name in ("width", "height")}
        thumbnail = {"thumbnail": pa.array([b""] * count, pa.binary())}
        vector = {"vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), dim)}
        order = ("id", "uri", "split", "label", "width", "height", "sha256", "corpus", "thumbnail", "vector")
        together = {**columns, **sizes, **thumbnail, **vector}
        yield pa.table({name: together[name] for name in order})


if __name__ == "__main__":
    main()
