"""The columns that a map can be coloured by, read from an index and from what people said of it."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import samekind as sk

ANSWERED, NAMED, UNTOUCHED = "answered", "named by people", "nobody said anything"
NUMBERS = ("width", "height")


def text_column(index: sk.Index, name: str) -> list[str | None]:
    """A column of names: `split`, `corpus`, or `folder`, the folder of the id."""
    if name == "folder":
        return [id_.rpartition("/")[0] or "." for id_ in index.ids]
    return [None if value in (None, "") else str(value) for value in index.rows.column(name)]


def number_column(index: sk.Index, name: str) -> NDArray[np.float64]:
    """A column of numbers."""
    return np.array(index.rows.column(name), dtype=np.float64)


def false_shares(report: sk.FalseNegativeReport) -> NDArray[np.float64]:
    """`(N,)` share of each image's hardest negatives that are false; NaN where the audit says nothing."""
    pairs = report.pairs
    share_N = np.full(len(pairs.ids), np.nan)
    known_A = (pairs.false_AK >= 0).sum(axis=1)
    share_N[pairs.anchor_A[known_A > 0]] = pairs.num_false_A[known_A > 0] / known_A[known_A > 0]
    return share_N


def suspicions(issues: sk.LabelIssues, index: sk.Index) -> NDArray[np.float64]:
    """`(N,)` suspicion of each image whose label may be wrong; NaN for those that are not listed."""
    suspicion_N = np.full(len(index), np.nan)
    position = {id_: row for row, id_ in enumerate(index.ids)}
    for issue in issues.issues:
        suspicion_N[position[issue.id]] = issue.score
    return suspicion_N


def touched(index: sk.Index, verdicts: Collection[sk.Verdict], named: frozenset[str]) -> list[str | None]:
    """For each image whether people have answered about it or named it.

    Args:
        index: the opened index.
        verdicts: the present ones.
        named: content hashes of images that have a name by people.
    """
    answered = {sha for verdict in verdicts for sha in (verdict.anchor_sha256, verdict.negative_sha256)}
    return [
        NAMED if sha in named else ANSWERED if sha in answered else UNTOUCHED for sha in index.rows.column("sha256")
    ]
