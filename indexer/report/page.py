"""The audit as one HTML file that opens anywhere: no script, no address, pictures inside it.

The page's own content policy forbids scripts and every request, and text is escaped where it becomes markup (`indexer.report.rendering`),
so a class that is named `<script>` is a name and nothing else. Charts are SVG, class × class is a table, and colours follow the reader's
scheme.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from samekind.indexer.audit.duplicates import NEAR
from samekind.indexer.report import by_class, by_rank, epochs, pictures, settings
from samekind.indexer.report.rendering import render
from samekind.training.runtime.artefact import write_atomically

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport
    from samekind.indexer.search.opened import OpenedIndex


def write_report(report: FalseNegativeReport, index: OpenedIndex, path: Path) -> None:
    """Writes the page, whole or not at all.

    Raises:
        ArtefactError: the file cannot be written.
    """
    write_atomically(path, page(report, index).encode())


def page(report: FalseNegativeReport, index: OpenedIndex) -> str:
    """The page as text.

    Args:
        report: the audit.
        index: that it is of; gives pictures and settings.
    """
    labelled, now = report.false_negative_rate is not None, datetime.now(UTC)
    a_class = pictures.most_a_class(report)
    hardest = pictures.hardest_pairs(report, index, pictures.MOST_PAIRS, a_class if labelled else pictures.MOST_PAIRS)
    duplicates = report.duplicates[: pictures.MOST_DUPLICATES]
    shown = [id_ for pair in hardest for id_ in (pair.anchor_id, pair.negative_id)]
    shown += [pair[side] for pair in duplicates for side in ("a", "b")]
    return render(
        "page.html.j2",
        report=report,
        name=index.path.resolve().name,
        now=now,
        labelled=labelled,
        ranks=by_rank.rows(report.by_rank),
        rank_figures=by_rank.figures(report) if report.k else [],
        classes=by_class.worst_classes(report),
        heat=by_class.heat_map(report),
        confusions=by_class.confusions(report),
        hardest=hardest,
        a_class=a_class,
        duplicates=duplicates,
        near=NEAR,
        pictures=pictures.pictures(index, shown),
        epochs=report.training[-epochs.MOST_EPOCHS :],
        epoch_figures=epochs.figures(report.training),
        epoch_ranks={rank: f"false, {name}" for rank, (name, _) in epochs.RANKS.items()},
        verdicts=settings.verdicts(index),
        facts=settings.facts(report, index, now),
        config=settings.config(index),
    )
