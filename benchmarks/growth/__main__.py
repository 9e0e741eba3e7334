"""What grows with the number of images: building, opening, searching, the audit, a map of the space, tuning; measured, and a model of it.

    python -m benchmarks.growth --rows 10000 100000
    python -m benchmarks.growth --doc docs/scale.md --plot docs/images/growth.svg

Unit vectors with the spectrum of the embeddings of 3,781 photos by `lite0` (`SPECTRUM`), each size in a fresh process on an artefact as
`samekind index` leaves it, without pictures. For each figure `a + b Nᵖ` is fitted with the power that the algorithm has (`WORDS`), where
the index is approximate from such sizes alone; the sizes up to 10⁹ follow from it, and what was not measured is marked with ≈. Figures go
to `growth.json` and `growth.md` under `--out`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import samekind as sk
from benchmarks.audit_scale import make_index
from benchmarks.effective_batch import peak_bytes
from samekind.comparison.machine import processor
from samekind.core.text import size_text
from samekind.indexer.search.unit_vectors import Float32
from samekind.indexer.search.vector_index import EXACT_LIMIT

ROWS, DIM, SEED, K, ANCHORS, QUERIES, ALONE = (10_000, 100_000, 300_000, 1_000_000), 64, 0, 10, 1000, 1000, 50
TUNED_UP_TO = 10_000
SPECTRUM = {
    1: 0.1234,
    2: 0.0830,
    4: 0.0482,
    8: 0.0238,
    16: 0.0132,
    32: 0.00659,
    64: 0.00311,
    128: 0.000883,
    256: 0.0000034,
}
"""Variances of the principal components of clothing-dataset-small (160 px, `lite0`, whitened, 256 dimensions) by their number."""
MARKS = "<!-- growth: python -m benchmarks.growth writes this -->", "<!-- /growth -->"
WORDS = {
    "build_s": ("building the FAISS file", "s", 1.5),  # each row looks for its list among √N
    "file_bytes": ("FAISS file", "B", 1.0),
    "artefact_bytes": ("artefact without pictures", "B", 1.0),
    "open_s": ("opening and first search", "s", 1.0),
    "memory_bytes": ("memory with it open, after the first search", "B", 1.0),
    "query_s": ("one query", "s", 0.5),
    "batch_query_s": ("one of 1,000 queries", "s", 0.5),
    "audit_anchor_s": ("audit: one anchor against all, of the processor", "s", 1.0),
    "adapt_s": ("adapt: all vectors mapped", "s", 1.0),
    "tune_s": ("tune", "s", 0.0),  # not extrapolated: what it tries depends on the size
}
"""Figures: name, unit, and the power of N that they grow with."""
APPROXIMATE = "build_s", "query_s", "batch_query_s"
"""What another kind of index changes."""


def drawn(random: np.random.Generator, count: int, dim: int) -> Float32:
    """`(count, dim)` unit vectors; components keep the measured variances in order, thinned out to `dim` of them."""
    place = 1 + np.arange(dim) * 255 / max(1, dim - 1)
    scale = np.exp(np.interp(np.log(place), np.log(list(SPECTRUM)), np.log(list(SPECTRUM.values())))) ** 0.5
    vectors: Float32 = random.standard_normal((count, dim), dtype=np.float32) * scale.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def measure(folder: Path) -> dict[str, float]:
    """All figures of one artefact; in a fresh process, so that memory is that of the artefact."""
    before, started = peak_bytes(), time.perf_counter()
    index = sk.Index.open(folder)
    rows, dim = len(index), int(index.manifest["dim"])
    queries = drawn(np.random.default_rng(SEED + 1), QUERIES, dim)
    space = index.vector_index
    space.search_batch(queries[:1], K)
    found = {"rows": float(rows), "open_s": time.perf_counter() - started, "memory_bytes": float(peak_bytes() - before)}
    found["recall"] = index.manifest["ann_recall_at_10"]
    found["query_s"] = float(
        np.median([_seconds(partial(space.search_batch, queries[i : i + 1], K)) for i in range(ALONE)])
    )
    found["batch_query_s"] = (
        float(np.median([_seconds(lambda: space.search_batch(queries, K)) for _ in range(3)])) / QUERIES
    )
    index.audit(k=K, anchors=1)
    worked = time.process_time()
    index.audit(k=K, anchors=1)
    once = time.process_time()
    index.audit(k=K, anchors=min(ANCHORS, rows))
    found["audit_anchor_s"] = max(1e-9, (time.process_time() - once) - (once - worked)) / min(ANCHORS, rows)
    turned = np.linalg.qr(np.random.default_rng(SEED).normal(size=(dim, dim)))[0].astype(np.float32)
    found["adapt_s"] = min(_seconds(lambda: space.mapped(lambda vectors: vectors @ turned)) for _ in range(2))
    found["file_bytes"] = float(space.file_bytes)
    found["artefact_bytes"] = float(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))
    if rows <= TUNED_UP_TO:
        found["tune_s"] = _seconds(lambda: sk.tune(folder))
    return found


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _one_size(rows: int, dim: int, threads: int) -> dict[str, float]:
    folder = Path(tempfile.mkdtemp(prefix="growth-"))
    try:
        build_s = make_index(folder / "a", rows, dim, exact=False, draw=drawn)
        command = [sys.executable, "-m", "benchmarks.growth", "--measure", str(folder / "a"), "--threads", str(threads)]
        # A cache of its own: an audit of before would cost nothing.
        environment = {**os.environ, "SAMEKIND_CACHE_DIR": str(folder / "cache")}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return {**json.loads(done.stdout.splitlines()[-1]), "build_s": build_s}
    finally:
        shutil.rmtree(folder)


def fitted(rows: Sequence[float], values: Sequence[float], power: float) -> Callable[[float], float]:
    """`a + b Nᵖ` with a, b ≥ 0 through the figures by relative error; proportional to Nᵖ where there is one only."""
    from scipy.optimize import nnls

    terms = np.stack([np.ones(len(rows)), np.array(rows, dtype=float) ** power], axis=1)
    terms[:, 0] *= len(rows) > 1
    (start, slope), _ = nnls(terms / np.array(values)[:, None], np.ones(len(rows)))
    return lambda size: float(start + slope * size**power)


def table(measured: Sequence[Mapping[str, float]], sizes: Sequence[int]) -> str:
    """Markdown, a row a figure and a column a size."""
    lines = ["| | " + " | ".join(_power(size) for size in sizes) + " |", "|---|" + "---|" * len(sizes)]
    for name, (words, unit, power) in WORDS.items():
        known = {round(each["rows"]): each[name] for each in measured if each.get(name)}
        if not known:
            continue
        alike = {size: value for size, value in known.items() if size > EXACT_LIMIT} if name in APPROXIMATE else {}
        model = fitted([*(alike or known)], [*(alike or known).values()], power)
        guessed = [f"≈ {_shown(model(size), unit)}" if power else "–" for size in sizes]
        cells = [
            _shown(known[size], unit) if size in known else guess for size, guess in zip(sizes, guessed, strict=True)
        ]
        lines.append(f"| {words} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _power(size: int) -> str:
    return f"10{''.join('⁰¹²³⁴⁵⁶⁷⁸⁹'[int(d)] for d in str(round(np.log10(size))))}"


def _shown(value: float, unit: str) -> str:
    if unit == "B":
        return size_text(int(value))
    for factor, name in ((3600.0, "h"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= factor:
            return f"{value / factor:,.3g} {name}" if value / factor < 1000 else f"{value / factor:,.0f} {name}"
    return f"{value * 1e6:.2g} µs"


def draw(measured: Sequence[Mapping[str, float]], path: Path) -> None:
    """Queries a second, opening time and memory against rows."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = np.array([each["rows"] for each in measured])
    panels: list[tuple[str, dict[str, NDArray[Any]]]] = [
        (
            "queries/s",
            {"1,000 at once": _of(measured, "batch_query_s") ** -1, "one by one": _of(measured, "query_s") ** -1},
        ),
        ("opening, s", {"": _of(measured, "open_s")}),
        ("memory, MB", {"": _of(measured, "memory_bytes") / 1e6}),
    ]
    with rc_context({"svg.hashsalt": "growth"}):
        figure = Figure(figsize=(9, 3), layout="constrained")
        for axes, (title, lines) in zip(figure.subplots(1, 3), panels, strict=True):
            for colour, (name, values) in zip(("#1f4e79", "#b5482a"), lines.items(), strict=False):
                axes.loglog(rows, values, "o-", color=colour, label=name)
            axes.set(title=title, xlabel="images")
            if len(lines) > 1:
                axes.legend(frameon=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _of(measured: Sequence[Mapping[str, float]], name: str) -> NDArray[np.float64]:
    return np.array([each[name] for each in measured])


def main() -> None:
    """Measures, fits, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--dim", type=int, default=DIM)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, default=Path("artifacts") / "growth")
    parser.add_argument("--doc", type=Path, help="replace the table between the marks of this page")
    parser.add_argument("--plot", type=Path, help="where the picture goes; under --out if left out")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    measured = []
    for rows in arguments.rows:
        measured.append(_one_size(rows, arguments.dim, arguments.threads))
        print({name: round(value, 6) for name, value in measured[-1].items()}, flush=True)
    about = f"{processor()}, {arguments.threads} threads, torch {torch.__version__}, {arguments.dim} dimensions, seed {SEED}"
    text = f"{table(measured, [10**n for n in range(4, 10)])}\n\n{about}; n = 1."
    (arguments.out / "growth.json").write_text(json.dumps({"about": about, "measured": measured}, indent=2) + "\n")
    (arguments.out / "growth.md").write_text(text + "\n")
    draw(measured, arguments.plot or arguments.out / "growth.svg")
    if arguments.doc:
        page = arguments.doc.read_text()
        head, rest = page.split(MARKS[0])
        arguments.doc.write_text(f"{head}{MARKS[0]}\n{text}\n{MARKS[1]}{rest.split(MARKS[1])[1]}")
    print(text)


if __name__ == "__main__":
    main()
