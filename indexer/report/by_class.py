"""Classes: their rates, class × class as a heat map, and which are most often taken for another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samekind.indexer.audit.report import FalseNegativeReport

MOST_CLASSES = 100  # rows of the table
MOST_HEAT = 30  # classes a side
MOST_CONFUSED = 12


def worst_classes(report: FalseNegativeReport) -> list[tuple[str, dict[str, Any]]]:
    """Classes by their false-negative rate, highest first; capped."""
    by_rate = sorted(report.by_class.items(), key=lambda item: (-(item[1]["false_negative_rate"] or 0.0), item[0]))
    return by_rate[:MOST_CLASSES]


def heat_map(report: FalseNegativeReport) -> dict[str, list[float | None]]:
    """Each anchor class with the shares of all classes, `None` without pairs; of many classes those with most pairs, in their order."""
    classes, shares = report.class_shares()
    pairs = report.class_pairs["num_pairs"]
    shown = sorted(sorted(range(len(classes)), key=lambda c: -pairs[c])[:MOST_HEAT])
    return {classes[a]: [shares[a][n] for n in shown] for a in shown}


def confusions(report: FalseNegativeReport) -> list[tuple[float, int, str, str]]:
    """Share, count, class of the anchor and class of the negative where these differ, greatest share first; capped."""
    classes, shares = report.class_shares()
    counts = report.class_pairs["counts"]
    found = [
        (share, counts[a][n], classes[a], classes[n])
        for a, row in enumerate(shares)
        for n, share in enumerate(row)
        if a != n and share
    ]
    return sorted(found, key=lambda pair: (-pair[0], -pair[1], pair[2:]))[:MOST_CONFUSED]
