"""From trials to rows: mean and sample standard deviation over seeds, and the points of the curves."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from samekind.comparison.methods import Curve, Method
from samekind.comparison.trials import CorpusPart
from samekind.training.config.train_config import TrainConfig


@dataclass(frozen=True)
class Column:
    """A figure of the tables.

    Attributes:
        key: its name in a trial.
        title: its heading.
        digits: decimals.
        scale: what the stored value is multiplied with.
        meaning: one line for the reader.
    """

    key: str
    title: str
    digits: int
    scale: float
    meaning: str


COLUMNS = (
    Column("knn_accuracy", "k-NN %", 2, 100, "accuracy on the test split of a vote of the k nearest training images"),
    Column("linear_accuracy", "linear %", 2, 100, "accuracy on the test split of a linear probe"),
    Column("hit_rate_at_1", "hit@1 %", 2, 100, "test images whose nearest training image is of their class"),
    Column("false_negative_rate_at_10", "FN@10 %", 2, 100, "false ones among the 10 hardest negatives of a batch, last epoch"),
    Column("lift_at_10", "lift", 2, 1, "FN@10 divided by the share of false ones among all negatives"),
    Column("gradient_share", "gradient on FN %", 2, 100, "share of the push away from negatives that falls on false ones"),
    Column("detector_precision", "precision %", 1, 100, "of the pairs that the detector flagged, those that are false negatives"),
    Column("detector_recall", "recall %", 1, 100, "of the false negatives, those that the detector flagged"),
    Column("mi_bound", "MI bound", 2, 1, "InfoNCE bound on the mutual information of two views, nats; a bound and not an estimate"),
    Column("pairs_per_second", "pairs/s", 0, 1, "speed of the training, median over epochs; compares only among equal threads"),
    Column("peak_memory_bytes", "memory GB", 2, 1e-9, "peak of the training process, without the processes that make views"),
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """One figure over seeds.

    Attributes:
        values: one a seed, in the order of the seeds; `None` where it is undefined.
    """

    values: tuple[float | None, ...]

    @property
    def defined(self) -> list[float]:
        """The values that are there."""
        return [value for value in self.values if value is not None]

    @property
    def mean(self) -> float | None:
        """Their mean."""
        return statistics.fmean(self.defined) if self.defined else None

    @property
    def std(self) -> float | None:
        """Their sample standard deviation (n − 1); `None` below two."""
        return statistics.stdev(self.defined) if len(self.defined) > 1 else None

    def text(self, digits: int = 2, scale: float = 1.0) -> str | None:
        """`90.12 ± 0.34`, or the mean alone."""
        if self.mean is None:
            return None
        mean = f"{scale * self.mean:.{digits}f}"
        return mean if self.std is None else f"{mean} ± {scale * self.std:.{digits}f}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"mean": self.mean, "std": self.std, "values": list(self.values)}


@dataclass(frozen=True)
class Row:
    """A method over its seeds.

    Attributes:
        method: which.
        seeds: that are finished.
        figures: by name.
        x: the place on a curve.
    """

    method: Method
    seeds: tuple[int, ...]
    figures: dict[str, Spread]
    x: float | str | None = None

    def cells(self, columns: Iterable[Column]) -> list[str | None]:
        """The texts of some columns."""
        return [self.figures[c.key].text(c.digits, c.scale) for c in columns]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        place = {} if self.x is None else {"x": self.x}
        return {
            "method": self.method.name,
            **place,
            "overrides": dict(self.method.overrides),
            "uses_labels": self.method.uses_labels,
            "seeds": list(self.seeds),
            "figures": {name: spread.to_dict() for name, spread in self.figures.items()},
        }


@dataclass(frozen=True)
class Table:
    """All that is known about one corpus under one set of common settings.

    Attributes:
        corpus: on what.
        common: the settings that all rows share, steps included.
        knn_k: neighbours that vote.
        budget: as it was asked for.
        command: that asks for it.
        rows: methods with at least one finished trial.
        missing: names of the table's methods that have none.
        curves: with at least two points.
        records: the trials behind all of it.
    """

    corpus: CorpusPart
    common: TrainConfig
    knn_k: int
    budget: str
    command: str
    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()
    curves: tuple[tuple[Curve, tuple[Row, ...]], ...] = ()
    records: tuple[dict[str, Any], ...] = field(default=(), repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those in which at least one row has a figure: without labels most have none."""
        return tuple(c for c in COLUMNS if any(row.figures[c.key].defined for row in self.rows))

    @property
    def steps(self) -> int:
        """Of every trial of the table."""
        return self.common.steps or 0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "corpus": self.corpus.name,
            "content_hash": self.corpus.content_hash,
            "steps": self.steps,
            "budget": self.budget,
            "train_images": self.common.limit,
            "batch_size": self.common.batch_size,
            "knn_k": self.knn_k,
            "rows": [row.to_dict() for row in self.rows],
            "missing": list(self.missing),
            "curves": [
                {"curve": curve.name, "points": [point.to_dict() for point in points]} for curve, points in self.curves
            ],
        }


def make_row(method: Method, records: Sequence[dict[str, Any]], x: float | str | None = None) -> Row:
    """A row of the finished trials of one method.

    Args:
        method: whose they are.
        records: at least one, each of another seed.
        x: the place on a curve.
    """
    names = [column.key for column in COLUMNS] + ["map_at_r", "base_rate", "mi_cap"]
    figures = {name: Spread(tuple(record["figures"].get(name) for record in records)) for name in names}
    return Row(method, tuple(int(record["seed"]) for record in records), figures, x)


def distinct(records: Iterable[dict[str, Any]], *names: str) -> list[str]:
    """The different values of a field of the trials, sorted: which machines, which versions."""
    return sorted({" ".join(str(record.get(name)) for name in names) for record in records})
