"""The LanceDB table `probes`: what the fixed probe showed while training, one row for epoch × look × rank × class.

The table holds nothing that `metrics.jsonl` does not hold; it is there to be asked. So it is written as a whole from that history, in one
LanceDB version: no resumption, repetition or `--force` can double a row, and a crash leaves the table before or the table after. It is
written when the run is over: importing LanceDB takes 2 s, and its threads do not go well with the forks of the view loader.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samekind.core.errors import ArtefactError
from samekind.indexer.storage.database import open_database
from samekind.training.diagnostics.figures import lift
from samekind.training.runtime.artefact import METRICS, read_meta

if TYPE_CHECKING:
    import pandas as pd

TABLE = "probes"
LOOKS = ("objective", "sample", "corpus")
ALL, CLASS = "all", "class"


def record_probes(folder: Path, history: Iterable[Mapping[str, Any]], *, renew: bool = True) -> int:
    """Writes the probes of a run, in place of what the table held; returns the number of rows.

    Args:
        folder: the artefact.
        history: its epoch records; epochs without a probe (no labels, an older version) have no rows.
        renew: write even if the table is younger than the records.

    Raises:
        ArtefactError: the table cannot be written.
    """
    run = _run_of(folder)
    rows = [row for record in history for row in _rows(record, run)]
    if not (rows or _exists(folder)) or (not renew and _is_younger(folder)):
        return 0
    import pyarrow as pa

    try:
        database = open_database(folder)
        mode = "overwrite" if _exists(folder) else "create"
        database.create_table(TABLE, pa.Table.from_pylist(rows, schema=_schema()), mode=mode)
    except (OSError, RuntimeError, ValueError) as error:
        raise ArtefactError(
            f"cannot write {folder / 'db'}: {' '.join(str(error).split())}",
            hint="check permissions and free space, and run the same command again",
        ) from error
    return len(rows)


def read_probes(path: str | Path) -> pd.DataFrame:
    """Figures of the fixed probe by epoch, look, rank and class.

    Args:
        path: the artefact.

    Returns:
        One row for epoch × `against` (`objective`: the negatives that the loss met; `sample`: 5,000 fixed images; `corpus`: after the last
        epoch, all images in training) × `scope` (`all`, or `class` with its `label`) × `rank`, with `false_negative_rate` among the `rank`
        hardest negatives, `lift`, `base_rate`, `gradient_share`, `num_anchors`, `num_pairs` and `label_level`. Undefined figures are NaN.
        Without rows if the run had no labels, has not finished, or was trained without a probe.

    Raises:
        ArtefactError: there is no artefact, or the table is damaged.
    """
    folder = Path(path)
    run = _run_of(folder)
    return _table_of(folder, run).drop_columns(["run"]).to_pandas()


def _table_of(folder: Path, run: str) -> Any:
    """The rows of a run as an Arrow table."""
    if not _exists(folder):
        return _schema().empty_table()
    try:
        table = open_database(folder).open_table(TABLE)
        return table.search().where(f"run = '{run}'").limit(None).to_arrow().cast(_schema())
    except MemoryError:
        raise
    except Exception as error:  # LanceDB's parsers raise nearly anything on damaged bytes
        raise ArtefactError(
            f"the table of probes in {folder} cannot be read: {' '.join(str(error).split())}",
            hint="metrics.jsonl holds the same figures",
        ) from error


def table_follows(folder: Path, history: Iterable[Mapping[str, Any]]) -> bool:
    """True if the table holds just what these epoch records say.

    Raises:
        ArtefactError: it cannot be read.
    """
    import pyarrow as pa

    run = _run_of(folder)
    told = pa.Table.from_pylist([row for record in history for row in _rows(record, run)], schema=_schema())
    return bool(_table_of(folder, run).equals(told))


def _rows(record: Mapping[str, Any], run: str) -> Iterator[dict[str, Any]]:
    probe = record.get("probe") or {}
    for against in LOOKS:
        if against not in probe:
            continue
        look = probe[against]
        whose = [(ALL, None, look), *((CLASS, name, figures) for name, figures in look["by_class"].items())]
        for scope, label, figures in whose:
            for rank, rate in figures["false_negative_rate"].items():
                yield {
                    "run": run,
                    "epoch": record["epoch"],
                    "against": against,
                    "scope": scope,
                    "label": label,
                    "rank": int(rank),
                    "false_negative_rate": rate,
                    "lift": lift(rate, figures["base_rate"]),
                    "base_rate": figures["base_rate"],
                    "gradient_share": figures["gradient_share"],
                    "num_anchors": figures["num_anchors"],
                    "num_pairs": figures["num_pairs"][rank],
                    "label_level": probe["label_level"],
                }


def _run_of(folder: Path) -> str:
    """Names the run that the artefact holds, so that rows of one that was replaced, and not yet written, are not taken for its own."""
    identity = json.dumps(read_meta(folder).get("identity", {}), sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _exists(folder: Path) -> bool:
    return next(_versions(folder), None) is not None


def _versions(folder: Path) -> Iterator[Path]:
    return (folder / "db" / f"{TABLE}.lance" / "_versions").glob("*.manifest")


def _is_younger(folder: Path) -> bool:
    """True if the table was written after the records; if not, the run before was stopped in between."""
    written = [version.stat().st_mtime_ns for version in _versions(folder)]
    records = folder / METRICS
    return bool(written) and (not records.exists() or max(written) >= records.stat().st_mtime_ns)


def _schema() -> Any:
    import pyarrow as pa

    columns = {
        "run": pa.string(),
        "epoch": pa.int32(),
        "against": pa.string(),
        "scope": pa.string(),
        "label": pa.string(),
        "rank": pa.int32(),
        "false_negative_rate": pa.float64(),
        "lift": pa.float64(),
        "base_rate": pa.float64(),
        "gradient_share": pa.float64(),
        "num_anchors": pa.int32(),
        "num_pairs": pa.int64(),
        "label_level": pa.string(),
    }
    return pa.schema(list(columns.items()))
