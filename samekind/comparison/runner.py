"""The comparison itself: what is missing is computed, one child process a cell, and everything that is there is written up.

Cells may be computed side by side: a small network on two cores is faster as two processes of one thread than as one of two.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samekind.comparison import report
from samekind.comparison.clock import Clock
from samekind.comparison.launch import CellError, Children
from samekind.comparison.plan import Failure, check_names, describe, make_plan, without_twins
from samekind.comparison.results import write_results
from samekind.comparison.settings import Settings
from samekind.comparison.summary import Table
from samekind.comparison.trials import FORMAT, Cell, FinishedCells
from samekind.core.errors import SamekindError
from samekind.core.progress import NoProgress, Progress


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        tables: one a corpus with at least one finished cell.
        failed: cells that could not be computed; the same call tries them again.
        computed: how many cells this call computed.
        kept: how many were there already.
        files: what was written beside the cells.
    """

    tables: tuple[Table, ...]
    failed: tuple[Failure, ...] = ()
    computed: int = 0
    kept: int = 0
    files: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """What `samekind compare --json` prints."""
        return {
            "corpora": [table.to_dict() for table in self.tables],
            "failed": [{"cell": f.cell, "error": f.error, "hint": f.hint} for f in self.failed],
            "computed": self.computed,
            "kept": self.kept,
            "files": [str(path) for path in self.files],
        }

    def text(self) -> str:
        """The tables for a terminal, and where they, their pictures and the cells lie as files."""
        written = ", ".join(map(str, self.files)) or "nothing"
        return "\n\n".join([*map(report.text, self.tables), f"wrote {written}"])

    def raise_failures(self) -> None:
        """Says what could not be computed.

        Raises:
            SamekindError: something could not.
        """
        if self.failed:
            first = self.failed[0]
            more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
            raise SamekindError(
                f"not everything could be computed: {first.cell}: {first.error}{more}",
                hint="the same command tries these again and nothing else",
            )


def compare(
    corpora: str | Path | Sequence[str | Path], *, progress: Progress | None = None, **settings: Any
) -> Comparison:
    """Trains the same encoder under many objectives and treatments of false negatives, and writes tables and plots.

    Every finished cell (one method, one corpus, one seed) is kept as a small file and never computed again.

    Args:
        corpora: registered names or folders.
        progress: told what is going on.
        **settings: fields of `samekind.comparison.settings.Settings`, e.g. `seeds=3`, `budget="500steps"`, `out="artifacts/results"`.

    Raises:
        InputError: a setting is unknown, out of range or of another kind, or two corpora have the same name.
        CorpusError: a corpus cannot be loaded.
        ArtefactError: a folder cannot be written, or a stored cell is damaged.
        KeyboardInterrupt: Ctrl-C, after the cell in hand was saved and the tables were written; the same call continues.
    """
    return run(Settings.of(corpora, **settings), progress)


def run(settings: Settings, progress: Progress | None = None) -> Comparison:
    """The same from settings that have been checked."""
    progress = progress or NoProgress()
    settings.check_folders()
    settings = settings.with_known_precision()
    finished = FinishedCells(settings.out)
    corpora = [describe(name, settings, progress) for name in settings.corpora]
    check_names(corpora)
    failed: list[Failure] = []
    plans = [
        make_plan(corpus, settings, failed, progress, with_curves=settings.curves and number == 0)
        for number, corpus in enumerate(corpora)
    ]
    wanted = without_twins(cell for plan in plans for cell in plan.cells)
    missing = [cell for cell in wanted if finished.find(cell) is None]
    clock = Clock(settings, finished, missing)
    kept = len(wanted) - len(missing)
    progress.print(f"cells: {len(wanted)}, finished before: {kept}; {clock.outlook(0)}")
    try:
        failed += _compute(missing, settings, finished, clock, progress)
    except KeyboardInterrupt:
        write_results(plans, settings, finished)
        raise
    tables, files = write_results(plans, settings, finished)
    computed = len(missing) - sum(finished.find(cell) is None for cell in missing)
    return Comparison(tables, tuple(failed), computed, kept, files)


def _compute(
    missing: Sequence[Cell], settings: Settings, finished: FinishedCells, clock: Clock, progress: Progress
) -> Iterator[Failure]:
    """Computes the cells, `settings.jobs` at once, and yields those that fail."""
    children = Children(settings.jobs)
    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            under_way = {pool.submit(_compute_one, cell, settings, children, progress): cell for cell in missing}
            for number, done in enumerate(as_completed(under_way), start=1):
                cell, place = under_way[done], f"[{number}/{len(missing)}] {under_way[done]}"
                failure = _keep(cell, done, settings, finished)
                if failure:
                    progress.print(f"{place}: failed: {failure.error}")
                    yield failure
                else:
                    progress.print(f"{place}: {_figures(done.result())}; {clock.outlook(number)}")
        except BaseException:
            try:
                children.stop()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
            raise


def _keep(cell: Cell, done: Future[dict[str, Any]], settings: Settings, finished: FinishedCells) -> Failure | None:
    """Keeps what a cell's child has answered; what went wrong, if it has failed."""
    try:
        record = done.result()
    except CellError as error:
        return Failure(str(cell), str(error), error.hint)
    finished.add(cell, record)
    shutil.rmtree(_work(cell, settings), ignore_errors=True)
    return None


def _compute_one(cell: Cell, settings: Settings, children: Children, progress: Progress) -> dict[str, Any]:
    progress.print(f"{cell}: training")
    answer = children.run(
        {
            "kind": "cell",
            "source": cell.corpus.source,
            "content_hash": cell.corpus.content_hash,
            "config": cell.config.to_dict(),
            "knn_k": cell.knn_k,
            "work": str(_work(cell, settings).absolute()),
        }
    )
    return {
        "format": FORMAT,
        "corpus": cell.corpus.name,
        "content_hash": cell.corpus.content_hash,
        "method": cell.method.name,
        "overrides": dict(cell.method.overrides),
        "uses_labels": cell.method.uses_labels,
        "seed": cell.config.seed,
        "steps": cell.config.steps,
        **answer,
        "command": settings.command(),
        "identity": cell.identity,
    }


def _work(cell: Cell, settings: Settings) -> Path:
    """Where the training of a cell lives until the cell is finished."""
    return settings.work / cell.digest


def _figures(record: dict[str, Any]) -> str:
    figures = record["figures"]
    shares = {"k-NN": "knn_accuracy", "linear": "linear_accuracy", "FN@10": "false_negative_rate_at_10"}
    parts = [f"{title} {100 * figures[key]:.2f} %" for title, key in shares.items() if figures[key] is not None]
    if figures["pairs_per_second"] is not None:
        parts.append(f"{figures['pairs_per_second']:.0f} pairs/s")
    if figures["peak_memory_bytes"] is not None:
        parts.append(f"{figures['peak_memory_bytes'] / 1e9:.2f} GB")
    return ", ".join([*parts, f"{record['wall_seconds']:.0f} s"])
