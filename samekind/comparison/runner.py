"""The comparison itself: what is missing is computed, one child process a trial, and everything that is there is written up.

Trials may be computed side by side: a small network on two cores is faster as two processes of one thread than as one of two.
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
from samekind.comparison.launch import Children, TrialError
from samekind.comparison.plan import Failure, check_names, describe, make_plan, without_twins
from samekind.comparison.results import write_results
from samekind.comparison.settings import Settings
from samekind.comparison.summary import Table
from samekind.comparison.trials import FORMAT, FinishedTrials, Trial
from samekind.core.errors import SamekindError
from samekind.core.progress import NoProgress, Progress


@dataclass(frozen=True)
class Comparison:
    """Result of a comparison.

    Attributes:
        tables: one a corpus with at least one finished trial.
        failed: trials that could not be computed; the same call tries them again.
        computed: how many trials this call computed.
        kept: how many were there already.
        files: what was written beside the trials.
    """

    tables: tuple[Table, ...]
    failed: tuple[Failure, ...] = ()
    computed: int = 0
    kept: int = 0
    files: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The object that `samekind compare --json` prints."""
        return {
            "corpora": [table.to_dict() for table in self.tables],
            "failed": [{"cell": f.trial, "error": f.error, "hint": f.hint} for f in self.failed],
            "computed": self.computed,
            "kept": self.kept,
            "files": [str(path) for path in self.files],
        }

    def text(self) -> str:
        """The tables for a terminal, and where they, their pictures and the trials lie as files."""
        written = ", ".join(map(str, self.files)) or "nothing"
        return "\n\n".join([*map(report.text, self.tables), f"wrote {written}"])

    def raise_failures(self) -> None:
        """Reports the trials that could not be computed.

        Raises:
            SamekindError: something could not.
        """
        if self.failed:
            first = self.failed[0]
            more = f" (and {len(self.failed) - 1} more)" if len(self.failed) > 1 else ""
            raise SamekindError(
                f"not everything could be computed: {first.trial}: {first.error}{more}",
                hint="the same command tries these again and nothing else",
            )


def compare(
    corpora: str | Path | Sequence[str | Path], *, progress: Progress | None = None, **settings: Any
) -> Comparison:
    """Trains the same encoder under many objectives and treatments of false negatives, and writes tables and plots.

    Every finished trial (one method, one corpus, one seed) is kept as a small file and never computed again.

    Args:
        corpora: registered names or folders.
        progress: told what is going on.
        **settings: fields of `samekind.comparison.settings.Settings`, e.g. `seeds=3`, `budget="500steps"`, `out="artifacts/results"`.

    Raises:
        InputError: a setting is unknown, out of range or of another kind, or two corpora have the same name.
        CorpusError: a corpus cannot be loaded.
        ArtefactError: a folder cannot be written, or a stored trial is damaged.
        KeyboardInterrupt: Ctrl-C, after the trial in hand was saved and the tables were written; the same call continues.
    """
    return run(Settings.of(corpora, **settings), progress)


def run(settings: Settings, progress: Progress | None = None) -> Comparison:
    """The same from settings that have been checked."""
    progress = progress or NoProgress()
    settings.check_folders()
    settings = settings.with_known_precision()
    finished = FinishedTrials(settings.out)
    corpora = [describe(name, settings, progress) for name in settings.corpora]
    check_names(corpora)
    failed: list[Failure] = []
    plans = [
        make_plan(corpus, settings, failed, progress, with_curves=settings.curves and number == 0)
        for number, corpus in enumerate(corpora)
    ]
    wanted = without_twins(trial for plan in plans for trial in plan.trials)
    missing = [trial for trial in wanted if finished.find(trial) is None]
    clock = Clock(settings, finished, missing)
    kept = len(wanted) - len(missing)
    progress.print(f"trials: {len(wanted)}, finished before: {kept}; {clock.outlook(0)}")
    try:
        failed += _compute(missing, settings, finished, clock, progress)
    except KeyboardInterrupt:
        write_results(plans, settings, finished)
        raise
    tables, files = write_results(plans, settings, finished)
    computed = len(missing) - sum(finished.find(trial) is None for trial in missing)
    return Comparison(tables, tuple(failed), computed, kept, files)


def _compute(
    missing: Sequence[Trial], settings: Settings, finished: FinishedTrials, clock: Clock, progress: Progress
) -> Iterator[Failure]:
    """Computes the trials, `settings.jobs` at once, and yields those that fail."""
    children = Children(settings.jobs)
    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            under_way = {pool.submit(_compute_one, trial, settings, children, progress): trial for trial in missing}
            for number, done in enumerate(as_completed(under_way), start=1):
                trial, place = under_way[done], f"[{number}/{len(missing)}] {under_way[done]}"
                failure = _keep(trial, done, settings, finished)
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


def _keep(trial: Trial, done: Future[dict[str, Any]], settings: Settings, finished: FinishedTrials) -> Failure | None:
    """Keeps what a trial's child has answered; what went wrong, if it has failed."""
    try:
        record = done.result()
    except TrialError as error:
        return Failure(str(trial), str(error), error.hint)
    finished.add(trial, record)
    shutil.rmtree(_work(trial, settings), ignore_errors=True)
    return None


def _compute_one(trial: Trial, settings: Settings, children: Children, progress: Progress) -> dict[str, Any]:
    progress.print(f"{trial}: training")
    answer = children.run(
        {
            "kind": "trial",
            "source": trial.corpus.source,
            "content_hash": trial.corpus.content_hash,
            "config": trial.config.to_dict(),
            "knn_k": trial.knn_k,
            "work": str(_work(trial, settings).absolute()),
        }
    )
    return {
        "format": FORMAT,
        "corpus": trial.corpus.name,
        "content_hash": trial.corpus.content_hash,
        "method": trial.method.name,
        "overrides": dict(trial.method.overrides),
        "uses_labels": trial.method.uses_labels,
        "seed": trial.config.seed,
        "steps": trial.config.steps,
        **answer,
        "command": settings.command(),
        "identity": trial.identity,
    }


def _work(trial: Trial, settings: Settings) -> Path:
    """Folder of the training of a trial until the trial is finished."""
    return settings.work / trial.digest


def _figures(record: dict[str, Any]) -> str:
    figures = record["figures"]
    shares = {"k-NN": "knn_accuracy", "linear": "linear_accuracy", "FN@10": "false_negative_rate_at_10"}
    parts = [f"{title} {100 * figures[key]:.2f} %" for title, key in shares.items() if figures[key] is not None]
    if figures["pairs_per_second"] is not None:
        parts.append(f"{figures['pairs_per_second']:.0f} pairs/s")
    if figures["peak_memory_bytes"] is not None:
        parts.append(f"{figures['peak_memory_bytes'] / 1e9:.2f} GB")
    return ", ".join([*parts, f"{record['wall_seconds']:.0f} s"])
