"""People's answers about the images of an index."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from samekind.indexer.labeling.link_constraints import link_constraints
from samekind.indexer.labeling.verdicts import Verdict
from samekind.indexer.storage.rows import Rows
from samekind.training.answers.answered import Answered
from samekind.training.false_negatives.links import Pair


def answers_about(current: Mapping[Pair, Verdict], rows: Rows) -> Answered:
    """Reads the present answers as rows of an index.

    Args:
        current: at most one a pair, see `VerdictTable.current`.
        rows: of the index.
    """
    from pyarrow import array, compute

    constraints = link_constraints(current.values())
    asked = {image for pair in constraints.must_link | constraints.cannot_link for image in pair}
    sha256, row_of = rows.table["sha256"], dict[str, int]()
    is_asked = compute.is_in(sha256, array(list(asked), sha256.type)).to_numpy()
    for row in np.flatnonzero(is_asked).tolist():
        row_of.setdefault(sha256[row].as_py(), row)
    return Answered.of(constraints, row_of)
