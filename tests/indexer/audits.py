"""Small indexes to audit, and the double loops that say what an audit must find."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samekind.data.corpus import Corpus
from samekind.indexer.audit.report import FalseNegativeReport
from samekind.indexer.index import Index, build_index
from tests import oracles
from tests.indexer.helpers import FakeEncoder, pictures, save_encoder

HARD: dict[str, Any] = {"objective": "hard", "temperature": 0.2, "beta": 1.0}


def index_of(
    folder: Path, labels: Sequence[str | None] | None, images: NDArray[np.uint8] | None = None, **config: Any
) -> Index:
    """Of 40 pictures, or as many as there are labels, by an encoder with these training settings."""
    save_encoder(FakeEncoder(), folder, config=config)
    count = 40 if labels is None else len(labels)
    return build_index(Corpus.from_arrays(pictures(count) if images is None else images, labels), FakeEncoder(), folder)


def some_labels(count: int = 40) -> list[str | None]:
    """Three classes of unequal size."""
    return [("Bag", "Coat", "Shirt")[i * i % 7 % 3] for i in range(count)]


def agrees(report: FalseNegativeReport, index: Index, labels: Sequence[str | None], k: int) -> None:
    """Everything that is counted equals a count by double loop."""
    neighbours_of = oracles.hardest(oracles.similarities(index.vectors()), k)
    assert report.pairs.negative_AK.tolist() == neighbours_of
    base = oracles.base_rate(labels)
    assert report.base_rate == base
    for rank, row in enumerate(report.by_rank, start=1):
        rate = oracles.rate_at_rank(labels, neighbours_of, rank)
        assert (row["rank"], row["false_negative_rate"]) == (rank, rate)
        assert row["lift"] == (None if rate is None or not base else rate / base)
    classes = report.class_pairs["classes"]
    assert classes == sorted({label for label in labels if label is not None})
    for i, a in enumerate(classes):
        for j, b in enumerate(classes):
            count = sum(labels[n] == b for anchor, row in enumerate(neighbours_of) if labels[anchor] == a for n in row)
            assert report.class_pairs["counts"][i][j] == count
    for name, figures in report.by_class.items():
        mine = [[labels[n] for n in row] for anchor, row in enumerate(neighbours_of) if labels[anchor] == name]
        known = [label for row in mine for label in row if label is not None]
        assert figures["num_images"] == figures["num_anchors"] == labels.count(name)
        assert figures["false_negative_rate"] == (known.count(name) / len(known) if known else None)
    json.dumps(report.to_dict(), allow_nan=False)
