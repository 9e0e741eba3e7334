"""Findings of an audit: rates by rank and class, and every pair behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samekind.core.cells import guarded
from samekind.core.errors import InputError
from samekind.indexer.audit.gradient_mass import GradientMass, gradient_mass
from samekind.indexer.audit.notes import Note
from samekind.training.diagnostics.figures import ratio
from samekind.training.runtime.artefact import write_json

if TYPE_CHECKING:
    import pandas as pd


class ReportWriter(Protocol):
    """Writes an audit as one HTML file; the public `Index` is one, and stands above this module."""

    def write_report(self, report: FalseNegativeReport, path: Path) -> None:
        """Writes `report` to `path`."""


@dataclass(frozen=True)
class Pair:
    """An anchor and one of its hardest negatives.

    Attributes:
        anchor_id, negative_id: the two rows.
        rank: 1 for the hardest.
        similarity: cosine in [-1, 1].
        false: `True` if the negative is false (has the anchor's label); `None` if a label is unknown.
        anchor_label, negative_label: class names, `None` where unknown.
        gradient_share: share of the anchor's whole negative gradient, in [0, 1]; `None` if the run's objective is unknown.
    """

    anchor_id: str
    negative_id: str
    rank: int
    similarity: float
    false: bool | None
    anchor_label: str | None
    negative_label: str | None
    gradient_share: float | None


@dataclass(frozen=True)
class Pairs:
    """All pairs of an audit, anchor by anchor; kept as arrays, because 70,000 anchors have 700,000 pairs.

    Attributes:
        ids: ids of all rows of the index.
        labels: labels of all rows, or `None`.
        anchor_A: `(A,)` int64 row of each anchor.
        negative_AK: `(A, K)` int64 rows, hardest first.
        similarity_AK: `(A, K)` float64.
        false_AK: `(A, K)` int8: 1 false, 0 true, −1 unknown.
        share_AK: `(A, K)` float64 gradient shares, or `None`.
    """

    ids: Sequence[str]
    labels: Sequence[str | None] | None
    anchor_A: NDArray[np.int64]
    negative_AK: NDArray[np.int64]
    similarity_AK: NDArray[np.float64]
    false_AK: NDArray[np.int8]
    share_AK: NDArray[np.float64] | None

    def __len__(self) -> int:
        return int(self.negative_AK.size)

    def __iter__(self) -> Iterator[Pair]:
        for a in range(len(self.anchor_A)):
            yield from self.at(a)

    @cached_property
    def anchor_ids(self) -> list[str]:
        """Ids of the anchors, in table order."""
        return [self.ids[row] for row in self.anchor_A]

    @cached_property
    def num_false_A(self) -> NDArray[np.int64]:
        """`(A,)` number of each anchor's hardest negatives that are known to be false."""
        return np.asarray((self.false_AK == 1).sum(axis=1), dtype=np.int64)

    def at(self, a: int) -> list[Pair]:
        """The pairs of the a-th anchor, hardest first."""
        return [self._pair(a, r) for r in range(self.negative_AK.shape[1])]

    def of(self, anchor_id: str) -> list[Pair]:
        """The pairs of one anchor, hardest first.

        Raises:
            InputError: the image is no anchor of this audit.
        """
        try:
            return self.at(self._place[anchor_id])
        except KeyError:
            raise InputError(f"{anchor_id!r} is no anchor of this audit", hint="see pairs.anchor_ids") from None

    @cached_property
    def _place(self) -> dict[str, int]:
        return {id_: a for a, id_ in enumerate(self.anchor_ids)}

    def _pair(self, a: int, r: int) -> Pair:
        anchor, negative, false = int(self.anchor_A[a]), int(self.negative_AK[a, r]), int(self.false_AK[a, r])
        return Pair(
            self.ids[anchor],
            self.ids[negative],
            r + 1,
            float(self.similarity_AK[a, r]),
            None if false < 0 else bool(false),
            None if self.labels is None else self.labels[anchor],
            None if self.labels is None else self.labels[negative],
            None if self.share_AK is None else float(self.share_AK[a, r]),
        )

    def to_pandas(self) -> pd.DataFrame:
        """One row a pair with the fields of `Pair`; `false` is a nullable boolean."""
        import pandas as pd

        ids = np.array(self.ids, dtype=object)
        labels = np.array([None] * len(ids) if self.labels is None else self.labels, dtype=object)
        depth = self.negative_AK.shape[1]
        anchor, negative, false = np.repeat(self.anchor_A, depth), self.negative_AK.ravel(), self.false_AK.ravel()
        share = np.full(len(self), np.nan) if self.share_AK is None else self.share_AK.ravel()
        return pd.DataFrame(
            {
                "anchor_id": ids[anchor],
                "negative_id": ids[negative],
                "rank": np.tile(np.arange(1, depth + 1), len(self.anchor_A)),
                "similarity": self.similarity_AK.ravel(),
                "false": pd.array(np.where(false < 0, None, false == 1), dtype="boolean"),
                "anchor_label": labels[anchor],
                "negative_label": labels[negative],
                "gradient_share": share,
            }
        )


@dataclass(frozen=True)
class FalseNegativeReport:
    """False negatives among the hardest negatives. Undefined figures are `None`.

    Attributes:
        k: hardest negatives an anchor.
        num_anchors: images that were anchors.
        num_rows: images in the index, or in the one split that was audited; all of them are negatives of an anchor but itself.
        base_rate: share of all ordered pairs of two labelled images that share their label, Σ c(c−1) / (n(n−1)).
        false_negative_rate: share of false ones among all pairs of known labels here, ranks 1 to k.
        lift: `false_negative_rate` / `base_rate`.
        by_rank: for each rank `rank`, `false_negative_rate`, `lift`, `similarity` (mean), `gradient_share` (mean share of the anchor's
            whole negative gradient that this rank draws) and `num_pairs` (of known labels).
        by_class: for each class of anchors `num_images`, `num_anchors`, `base_rate`, `false_negative_rate`, `lift` and `gradient_share`
            (of its false negatives among all negatives).
        class_pairs: `classes`, `counts` and `num_pairs`; `counts[i][j]` pairs have an anchor of class i and a negative of class j, and
            `num_pairs[i]` have an anchor of class i and a negative of any class. Of more than 300 classes the largest are here.
        gradient_share: `false_negatives` (mean share that false ones draw, over all negatives of known label), `hardest` (share that the k
            hardest draw), `hardest_false` (that those of these draw that are known to be false, which one without a label never is), with
            `objective`, `temperature`, last `beta` of the run;
            `None` if the run's objective is unknown. As in training (`training.diagnostics.batch_statistics`) a share is one of
            gradient weights, the positive parts of the loss' derivatives by each similarity; but here it is the mean of the anchors'
            own shares, over embeddings and all rows, while training divides the sum of all false weights by the sum of all weights, so
            that anchors with a greater loss count for more.
        duplicates: `a`, `b`, `kind` (`exact`: same content, `near`: similarity above the threshold), `similarity`; at most 1,000.
        num_duplicates: how many pairs there are.
        pairs: every anchor with each of its hardest negatives.
        training: the epoch records of the training: what the objective met.
        label_level: which labels decided: `coarse`, `fine` or a number of folders.
        notes: what a reader must know about these figures.
        split: whose images alone were audited; `None` for all.
    """

    k: int
    num_anchors: int
    num_rows: int
    base_rate: float | None
    false_negative_rate: float | None
    lift: float | None
    by_rank: list[dict[str, Any]]
    by_class: dict[str, dict[str, Any]]
    class_pairs: dict[str, Any]
    gradient_share: dict[str, Any] | None
    duplicates: list[dict[str, Any]]
    num_duplicates: int
    pairs: Pairs
    training: list[dict[str, Any]] = field(default_factory=list)
    label_level: str = "coarse"
    notes: list[Note] = field(default_factory=list)
    split: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The report as `--json` prints it, and `split` if it is of one; without the pairs, which are for `to_pandas` and `to_csv`."""
        names = (
            "k",
            "num_anchors",
            "num_rows",
            "base_rate",
            "false_negative_rate",
            "lift",
            "by_rank",
            "by_class",
            "class_pairs",
            "gradient_share",
            "num_duplicates",
            "duplicates",
            "training",
            "label_level",
            "notes",
        )
        return {name: getattr(self, name) for name in names} | ({} if self.split is None else {"split": self.split})

    def to_pandas(self) -> pd.DataFrame:
        """All pairs as a frame, one row each, with the fields of `Pair`."""
        return self.pairs.to_pandas()

    def class_shares(self) -> tuple[list[str], list[list[float | None]]]:
        """Names of C classes and `(C, C)` the share of each (column) among the hardest negatives of each (row); `None` without pairs."""
        shares = [
            [ratio(count, total) for count in row]
            for row, total in zip(self.class_pairs["counts"], self.class_pairs["num_pairs"], strict=True)
        ]
        return self.class_pairs["classes"], shares

    def gradient_mass(self, k: int, temperature: float, beta: float = 0.0) -> GradientMass:
        """How a loss of another temperature τ and hardness β would push the k hardest negatives; from what was kept, in milliseconds.

        Raises:
            InputError: k is more than was kept, or a setting is out of range.
        """
        return gradient_mass(self.pairs.similarity_AK, self.pairs.false_AK, k, temperature, beta)

    def to_html(self, path: str | Path, index: ReportWriter) -> None:
        """Writes the report with charts and pictures as one HTML file that needs nothing else.

        Args:
            path: the file.
            index: that was audited; gives pictures and settings.

        Raises:
            ArtefactError: the file cannot be written.
        """
        index.write_report(self, Path(path))

    def to_json(self, path: str | Path) -> None:
        """Writes `to_dict()` to a file."""
        write_json(Path(path), self.to_dict())

    def to_csv(self, path: str | Path) -> None:
        """Writes all pairs to a file, one row each, no text a formula.

        Raises:
            InputError: the file cannot be written.
        """
        try:
            frame = self.to_pandas()
            texts = frame.select_dtypes(exclude="number")
            frame.assign(**{name: texts[name].map(guarded) for name in texts}).to_csv(path, index=False)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}", hint="choose another place") from error
