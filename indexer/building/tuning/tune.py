"""Finds the fastest kind of index for a corpus by trying: queries are held out of it, and no label is looked at.

Each candidate is built from the other rows, looks as far as it must to find enough of what exact search finds, and is timed. The fastest
is then built from all rows, beside the index that is there, and one rename of the manifest goes from the old file to the new one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from samekind.core.errors import InputError
from samekind.core.progress import NoProgress, Progress, Task
from samekind.indexer.building.adapted import follow_index
from samekind.indexer.building.removal import finish_removal_locked
from samekind.indexer.building.tuning.tuned import Tried, Tuning, sweep
from samekind.indexer.search.ann.factories import FLAT, build_factory, candidates
from samekind.indexer.search.ann.recall import MANY, RECALL, Truth
from samekind.indexer.search.faiss_library import faiss
from samekind.indexer.search.opened import OpenedIndex
from samekind.indexer.search.unit_vectors import Float32
from samekind.indexer.search.vector_index import VectorIndex
from samekind.indexer.storage.checks import check_artefact
from samekind.indexer.storage.fingerprints import describe_file
from samekind.indexer.storage.layout import TUNED_INDEX
from samekind.indexer.storage.manifest import Manifest
from samekind.training.runtime.artefact import check_writable
from samekind.training.runtime.lock import exclusive

_QUERIES = 512
_BATCH = 256
_ALONE = 64
_REPEATS = 5
_FEWEST_ROWS = 1000
"""Of fewer rows exact search is the fastest."""
_NEW = "index.faiss.new"


@dataclass(frozen=True)
class TuneReport:
    """What was tried, and what the index is now.

    Attributes:
        rows: of the index.
        dim: of its vectors.
        recall: asked for.
        max_memory: asked for, in bytes; `None` for any.
        single: the fastest for one query at a time was asked for, not for batches.
        threads: that FAISS worked with.
        tried: every candidate.
        chosen: the one that the index is of now.
    """

    rows: int
    dim: int
    recall: float
    max_memory: int | None
    single: bool
    threads: int
    tried: tuple[Tried, ...]
    chosen: Tried

    def to_dict(self) -> dict[str, Any]:
        """The report as `--json` prints it."""
        return asdict(self)


def tune(
    path: str | Path,
    recall: float = RECALL,
    max_memory: int | None = None,
    *,
    single: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> TuneReport:
    """Makes an index as fast as it can be at a recall: tries kinds of FAISS index on held-out queries and takes the fastest.

    An index that was opened before stays usable, and what was tried is kept, so that an interrupted call resumes.

    Args:
        path: the artefact.
        recall: share of the ten true neighbours that must be found on average, in (0, 1]; 1 leaves exact search.
        max_memory: bytes that a search may go through; the vectors that only re-ranking reads are mapped from the file and do not count.
        single: for one query at a time; otherwise for batches of 256.
        seed: of the choice of queries.
        progress: shows a bar.

    Raises:
        InputError: the recall is out of its range, or no kind of index fits into the memory; nothing is changed then.
        ArtefactError: there is no finished index, or another process is working there.
    """
    if not 0 < recall <= 1:
        raise InputError(
            f"recall must lie in (0, 1], got {recall!r}",
            hint="0.99: of a hundred true neighbours, one may be missed",
        )
    folder = Path(path)
    check_writable(folder)
    Manifest.read(folder)  # before a lock is made in a folder that is no artefact
    progress = progress or NoProgress()
    with exclusive(folder):
        finish_removal_locked(folder, progress)
        manifest = Manifest.read(folder)
        check_artefact(folder, manifest)
        index = OpenedIndex(folder, manifest)
        trial = _Trial(index, recall, max_memory, seed)
        tried = trial.run(folder, progress)
        fitting = [each for each in tried if each.reaches]
        if not fitting:
            least = min(tried, key=lambda each: each.memory_bytes)
            raise InputError(
                f"no kind of index has recall {recall:g} within {max_memory:,} bytes; {least.factory} takes {least.memory_bytes:,}",
                hint="raise --max-memory or lower --recall",
            )
        chosen = min(fitting, key=lambda each: each.single_ms if single else -each.batch_queries_per_s)
        if not trial.resumed or manifest.tuned is None or manifest.index_type != chosen.factory:
            _place(index, manifest, trial, chosen, progress)
        replace(trial.tuning, tried=tuple(tried), chosen=chosen.factory).write(folder)
    threads = faiss.omp_get_max_threads()
    return TuneReport(len(index), index.dim, recall, max_memory, single, threads, tuple(tried), chosen)


class _Trial:
    """Candidates built from all rows but the queries, and timed."""

    def __init__(self, index: OpenedIndex, recall: float, max_memory: int | None, seed: int) -> None:
        rows, dim = len(index), index.dim
        self.recall, self.max_memory = recall, max_memory
        self.names = candidates(dim, rows) if rows >= _FEWEST_ROWS and recall < 1 else [FLAT]
        shuffled = np.random.default_rng(seed).permutation(rows)
        held = max(1, min(_QUERIES, rows // 4))
        self.held = np.sort(shuffled[:held])
        self.query_QD = index.vectors(self.held)
        self.vectors_ND = index.vectors(np.sort(shuffled[held:]) if rows > held else self.held)
        asked = {"state": list(index._manifest.state), "recall": recall, "seed": seed, "queries": held}
        asked |= {"threads": faiss.omp_get_max_threads(), "candidates": MANY}
        self.tuning = Tuning(asked, rows, recall)
        self.resumed = False

    def run(self, folder: Path, progress: Progress) -> list[Tried]:
        """Tries all of them; those of an interrupted call are not tried again."""
        before = Tuning.read(folder)
        known = {each.factory: each for each in before.tried} if before and before.asked == self.tuning.asked else {}
        tried = list[Tried]()
        self.resumed = all(name in known for name in self.names)
        with progress.task("Trying kinds of index", len(self.names)) as task:
            truth = Truth.of(self.vectors_ND, self.query_QD)
            for name in self.names:
                tried.append(known.get(name) or self._one(name, truth, task))
                kept = None if before is None else before.chosen
                replace(self.tuning, tried=tuple(tried), chosen=kept).write(folder)
                task.advance()
        return [replace(each, reaches=self._reaches(each)) for each in tried]

    def _reaches(self, tried: Tried) -> bool:
        fits = self.max_memory is None or tried.memory_bytes <= self.max_memory
        return fits and tried.ann_recall_at_10 >= self.recall

    def _one(self, name: str, truth: Truth, task: Task) -> Tried:
        task.note(name)
        rows, dim = self.vectors_ND.shape
        started = time.perf_counter()
        space = VectorIndex(build_factory(name, lambda: [self.vectors_ND], dim, rows))
        built = time.perf_counter() - started
        space.tune_on(truth, self.recall)
        return Tried(
            factory=name,
            parameters=space.parameters,
            ann_recall_at_10=space.ann_recall,
            single_ms=round(1000 * _median(lambda i: space.search_batch(self.query_QD[i : i + 1], 10), _ALONE), 4),
            batch_queries_per_s=round(
                len(self.query_QD[:_BATCH])
                / _median(lambda _: space.search_batch(self.query_QD[:_BATCH], 10), _REPEATS)
            ),
            build_s=round(built, 2),
            bytes_per_vector=round(space.file_bytes / rows, 1),
            memory_bytes=space.memory_bytes,
            reaches=True,
        )


def _median(call: Callable[[int], Any], times: int) -> float:
    """Seconds of a call, the first one not counted."""
    taken = []
    for i in range(times + 1):
        started = time.perf_counter()
        call(max(0, i - 1))
        taken.append(time.perf_counter() - started)
    return float(np.median(taken[1:]))


def _place(index: OpenedIndex, manifest: Manifest, trial: _Trial, chosen: Tried, progress: Progress) -> None:
    """Builds the chosen kind from all rows and makes it the artefact's index."""
    folder, vectors_ND = index.path, index.vectors()
    with progress.task(f"Building {chosen.factory}", 1) as task:
        made = _built(vectors_ND, chosen, trial)
        made.save(folder / _NEW)
        described = describe_file(folder / _NEW)
        name = TUNED_INDEX.format(described["sha256"][:16])
        (folder / _NEW).replace(folder / name)
        tuned = {**asdict(chosen), "parameters": made.parameters, "ann_recall_at_10": made.ann_recall}
        after = replace(
            manifest,
            index_type=made.kind,
            index={**described, "name": name},
            ann_recall_at_10=made.ann_recall,
            tuned=tuned,
            delta=None,
        )
        follow_index(folder, after, made, index.rows, progress)
        after.write(folder)
        sweep(folder, after)
        task.advance()


def _built(vectors_ND: Float32, chosen: Tried, trial: _Trial) -> VectorIndex:
    """The chosen kind of all rows; it looks further than in the trial if its own rows find too little."""
    made = VectorIndex(build_factory(chosen.factory, lambda: [vectors_ND], vectors_ND.shape[1], len(vectors_ND)))
    made.set_parameters(chosen.parameters)
    made.ann_recall = chosen.ann_recall_at_10
    if not made.exact:
        truth = Truth.of(vectors_ND, trial.query_QD, trial.held)
        if truth.recall(made.search_batch) < trial.recall:
            made.tune_on(truth, trial.recall)
    return made
