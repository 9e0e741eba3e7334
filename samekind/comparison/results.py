"""From the trials that are kept to tables, plots and the CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from samekind.comparison import plots, report
from samekind.comparison.methods import METHODS, Method
from samekind.comparison.plan import Plan
from samekind.comparison.settings import Settings
from samekind.comparison.summary import Table, make_row
from samekind.comparison.trials import FinishedTrials, Trial
from samekind.core.errors import InputError


def write_results(
    plans: Sequence[Plan], settings: Settings, finished: FinishedTrials
) -> tuple[tuple[Table, ...], tuple[Path, ...]]:
    """Tables and plots of everything that is finished under these settings, by this call or an earlier one."""
    tables, files = [], []
    for plan in plans:
        table = _table(plan, settings, finished)
        if not (table.rows or table.curves):
            continue
        pictures = plots.write_plots(table, settings.out)
        files += [report.write_markdown(table, settings.out, pictures), *pictures]
        tables.append(table)
    if finished.records:
        files.append(report.write_csv(finished))
    return tuple(tables), tuple(files)


def _table(plan: Plan, settings: Settings, finished: FinishedTrials) -> Table:
    rows, missing, used = [], [], []
    for method in METHODS:
        records = _records(plan, method, settings, finished)
        if records:
            rows.append(make_row(method, records))
            used += records
        elif method in plan.methods:
            missing.append(method.name)
    drawn = []
    for curve in plan.curves:
        points = []
        for point in curve.points:
            records = [r for r in _records(plan, point.method, settings, finished) if r["seed"] == 0]
            if records:
                points.append(make_row(point.method, records, point.x))
                used += [record for record in records if record not in used]
        if len(points) > 1:
            drawn.append((curve, tuple(points)))
    return Table(
        corpus=plan.corpus,
        common=plan.common,
        knn_k=settings.knn_k,
        budget=settings.budget,
        command=settings.command(),
        rows=tuple(rows),
        missing=tuple(missing),
        curves=tuple(drawn),
        records=tuple(used),
    )


def _records(plan: Plan, method: Method, settings: Settings, finished: FinishedTrials) -> list[dict[str, Any]]:
    """The finished trials of a method under these settings, whatever their seed."""
    try:
        config = settings.config({"steps": plan.common.steps, **method.overrides})
    except InputError:  # a method that this samekind does not know has no trials
        return []
    return finished.all_seeds(Trial(plan.corpus, method, config, settings.knn_k))
