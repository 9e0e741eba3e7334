"""Queries a second at a recall of 0.99, build time, bytes a vector and peak memory: the product beside its peers, each in a fresh process.

    python -m benchmarks.index --rows 100000 --threads 2
    python -m benchmarks.index --rows 1000000 --threads 2
    python -m benchmarks.index --artefact artifacts/photos
    python -m benchmarks.index --overhead --rows 300000

Vectors lie in clusters (√N of them, mean cosine within one about 0.6), or are those of an artefact; queries are held out. Every method
raises its effort until it finds 0.99 of the ten true neighbours, by similarity: of equally similar rows any counts. Peers that are not
installed are passed over (`pip install -e '.[bench]'`). `--overhead` compares the product's call with FAISS' own on the same index, turn by
turn, in processor time, which other processes do not change.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.effective_batch import MIB, peak_bytes
from benchmarks.index.peers import PEERS, K, Peer, Vectors, peer
from samekind.comparison.machine import processor
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.vector_index import VectorIndex

RECALL, QUERIES, ALONE, REPEATS, SEED = 0.99, 1000, 200, 5, 0


@dataclass(frozen=True)
class Measurement:
    """One method.

    Attributes:
        method: its name.
        recall: reached.
        effort: that it took.
        single, batch: queries a second, one by one and 1,000 at once; medians.
        build_s: seconds of the wall clock.
        bytes_a_vector: on disk.
        peak_mib: high-water mark of its process, the vectors themselves included.
    """

    method: str
    recall: float
    effort: int
    single: float
    batch: float
    build_s: float
    bytes_a_vector: float
    peak_mib: float


def vectors_in(folder: Path, rows: int, dim: int, artefact: Path | None) -> None:
    """Leaves `vectors.npy`, `queries.npy` and `tenth.npy` (similarity of the tenth true neighbour) in a folder; kept if they are there."""
    if (folder / "tenth.npy").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(SEED)
    if artefact is not None:
        import samekind as sk

        found = sk.Index.open(artefact).vectors()
        order = random.permutation(len(found))
        held = min(QUERIES, len(found) // 4)
        queries, vectors = found[order[:held]], found[np.sort(order[held:])]
    else:
        centre = _unit(random.normal(size=(round(rows**0.5), dim)).astype(np.float32))
        noise = np.float32(0.8 / dim**0.5)

        def some(count: int) -> Vectors:
            spread = random.standard_normal((count, dim), dtype=np.float32)
            return _unit(centre[random.integers(0, len(centre), count)] + noise * spread)

        queries, vectors = some(QUERIES), some(rows)
    similarity, _ = faiss.knn(queries, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)
    np.save(folder / "vectors.npy", vectors)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "tenth.npy", similarity[:, -1])


def _unit(vectors_ND: Vectors) -> Vectors:
    vectors_ND /= np.linalg.norm(vectors_ND, axis=1, keepdims=True)
    return vectors_ND


def measure(name: str, folder: Path, threads: int) -> Measurement:
    """Builds, raises the effort until recall suffices, and times."""
    faiss.omp_set_num_threads(threads)
    vectors, queries, tenth = (np.load(folder / f"{part}.npy") for part in ("vectors", "queries", "tenth"))
    method = peer(name, len(vectors))
    started = time.perf_counter()
    method.build(vectors, threads)
    build_s = time.perf_counter() - started
    recall, effort = _raised(method, vectors, queries, tenth)
    single = [_seconds(method, queries[i : i + 1]) for i in range(min(ALONE, len(queries)))]
    batch = [_seconds(method, queries) for _ in range(1 if name.startswith("lancedb") else REPEATS)]
    return Measurement(
        name,
        recall,
        effort,
        1 / float(np.median(single)),
        len(queries) / float(np.median(batch)),
        build_s,
        method.bytes() / len(vectors),
        peak_bytes() / MIB,
    )


def _raised(method: Peer, vectors: Vectors, queries: Vectors, tenth: NDArray[np.float32]) -> tuple[float, int]:
    recall, effort = 0.0, 0
    for effort in (*method.efforts, *(range(1, 6) if method.efforts == [0] else ())):
        method.look(effort)
        rows = method.search(queries)
        similarity = np.einsum("qkd,qd->qk", vectors[np.maximum(rows, 0)], queries)
        recall = float(((similarity >= tenth[:, None] - 1e-6) & (rows >= 0)).mean())
        if recall >= RECALL:
            break
    return recall, effort


def _seconds(method: Peer, queries: Vectors) -> float:
    started = time.perf_counter()
    method.search(queries)
    return time.perf_counter() - started


def overhead(folder: Path, turns: int = 30) -> None:
    """Prints what the product's call costs over FAISS' own on the same index: a batch of 256, and one query."""
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    dim, rows = vectors.shape[1], len(vectors)
    print(f"{'index':32} {'queries':>7} {'FAISS':>10} {'product':>10} {'ratio':>6}  over it")
    for limit in (rows, 0):
        space = VectorIndex.build(lambda: [vectors], dim, rows, exact_limit=limit)
        for asked in (queries[:256], queries[:1]):
            bare, ours = list[float](), list[float]()
            for _ in range(turns if len(asked) > 1 else 10 * turns):
                for call, taken in ((space._index.search, bare), (space.search_batch, ours)):
                    started = time.process_time()
                    call(asked, K)
                    taken.append(1000 * (time.process_time() - started))
            a, b = float(np.median(bare)), float(np.median(ours))
            print(
                f"{space.kind:32} {len(asked):>7} {a:>7.3f} ms {b:>7.3f} ms {b / a:>6.3f}  {b - a:.3f} ms", flush=True
            )


def main() -> None:
    """Prints what was measured where, then one line a method."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--artefact", type=Path, help="its vectors instead of clusters")
    parser.add_argument("--threads", type=int, default=faiss.omp_get_max_threads())
    parser.add_argument("--methods", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--out", type=Path, default=Path("artifacts") / "bench-index")
    parser.add_argument("--overhead", action="store_true")
    parser.add_argument("--json", type=Path, help="also write the figures")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, folder = arguments.measure
        print(json.dumps(asdict(measure(name, Path(folder), arguments.threads))))
        return
    faiss.omp_set_num_threads(arguments.threads)
    versions = ", ".join(f"{name} {_version(name)}" for name in ("faiss-cpu", "hnswlib", "usearch", "lancedb"))
    print(f"{processor()}, {arguments.threads} threads; {versions}; recall ≥ {RECALL}, k = {K}, seed {SEED}, n = 1")
    found = list[dict[str, Any]]()
    for rows in arguments.rows if arguments.artefact is None else [0]:
        name = f"{rows}x{arguments.dim}" if arguments.artefact is None else arguments.artefact.resolve().name
        folder = arguments.out.absolute() / name
        vectors_in(folder, rows, arguments.dim, arguments.artefact)
        print(f"\n{name}: {np.load(folder / 'vectors.npy', mmap_mode='r').shape}")
        if arguments.overhead:
            overhead(folder)
            continue
        print(f"{'method':18} recall effort  one query     1,000 at once      build  a vector       peak")
        for method in arguments.methods:
            if (measured := _apart(method, folder, arguments.threads)) is not None:
                found.append({"corpus": name, **asdict(measured)})
                _print(measured)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2))


def _apart(method: str, folder: Path, threads: int) -> Measurement | None:
    """Measures in a fresh process; `None` where the peer is not installed, or failed, which is said."""
    command = [sys.executable, "-m", "benchmarks.index", "--measure", method, str(folder), "--threads", str(threads)]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{method:18} {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}", flush=True)
        return None
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def _print(found: Measurement) -> None:
    print(
        f"{found.method:18} {found.recall:6.4f} {found.effort:>6} {found.single:>8,.0f}/s {found.batch:>15,.0f}/s {found.build_s:>8.1f} s "
        f"{found.bytes_a_vector:>7,.0f} B {found.peak_mib:>6,.0f} MiB",
        flush=True,
    )


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


if __name__ == "__main__":
    main()
