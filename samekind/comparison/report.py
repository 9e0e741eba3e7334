"""The tables: text for a terminal, Markdown beside the plots, and one CSV of all trials that are kept."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from samekind.comparison.methods import Curve
from samekind.comparison.summary import COLUMNS, Row, Table, distinct
from samekind.comparison.trials import FinishedTrials
from samekind.tables import table as aligned
from samekind.training.runtime.artefact import write_atomically

CSV = "cells.csv"
DAGGER = "† uses labels in training: a ceiling to compare with, not a competitor."
_SETTINGS = (
    "objective", "treatment", "detector", "treatment_start", "prior", "beta", "tau_plus", "temperature", "batch_size", "strength",
    "image_size", "limit", "preset", "precision",
)  # fmt: skip
PATCHES = (
    "`cpc` contrasts patches and not images: its FN@10, lift, gradient and MI bound are of other negatives than those of the "
    "other rows."
)
_CURVE_COLUMNS = tuple(c for c in COLUMNS if c.key in ("knn_accuracy", "false_negative_rate_at_10", "lift_at_10"))


def text(table: Table) -> str:
    """The table and the curves of one corpus for a terminal."""
    parts = [_plain(_summary(table))]
    headers = ["method", "seeds", *(column.title for column in table.columns)]
    parts.append(aligned(headers, [[row.method.mark, len(row.seeds), *row.cells(table.columns)] for row in table.rows]))
    if any(row.method.uses_labels for row in table.rows):
        parts.append(DAGGER)
    for curve, points in table.curves:
        headers, rows = _curve_table(curve, points)
        parts.append(f"{curve.title}: {_plain(curve.note)}\n{aligned(headers, rows)}")
    if _has_patches(table):
        parts.append(_plain(PATCHES))
    if table.missing:
        parts.append(f"not computed: {', '.join(table.missing)}")
    return "\n\n".join(parts)


def write_markdown(table: Table, out: Path, pictures: Sequence[Path]) -> Path:
    """Writes `<corpus>.md`, and returns its path."""
    path = out / f"{table.corpus.slug}.md"
    write_atomically(path, _markdown(table, pictures).encode())
    return path


def write_csv(finished: FinishedTrials) -> Path:
    """Writes every kept trial, of any corpus and settings, as a line of `cells.csv`."""
    figures = sorted({name for record in finished.records for name in record["figures"]})
    ordered = sorted(finished.records, key=lambda r: (r["corpus"], r["method"], r["steps"], r["seed"]))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    about = (
        "train_seconds",
        "wall_seconds",
        "cpu",
        "cores",
        "threads",
        "gpu",
        "torch",
        "samekind",
        "date",
        "content_hash",
    )
    writer.writerow(
        ["corpus", "method", "uses_labels", "seed", "steps", "epochs", "knn_k", *_SETTINGS, *figures, *about]
    )
    for record in ordered:
        config, flat = record["identity"]["config"], {**record, **record["hardware"]}
        writer.writerow(
            [record[name] for name in ("corpus", "method", "uses_labels", "seed", "steps", "epochs")]
            + [record["identity"]["knn_k"], *(config.get(name) for name in _SETTINGS)]
            + [record["figures"].get(name) for name in figures]
            + [flat.get(name) for name in about]
        )
    path = finished.out / CSV
    write_atomically(path, stream.getvalue().encode())
    return path


def _markdown(table: Table, pictures: Sequence[Path]) -> str:
    shown = {picture.stem: picture.name for picture in pictures}
    slug = table.corpus.slug
    parts = [f"# {table.corpus.name}", _summary(table)]
    headers = ["method", "seeds", *(column.title for column in table.columns)]
    parts.append(_pipes(headers, [[_code(row), len(row.seeds), *row.cells(table.columns)] for row in table.rows]))
    if any(row.method.uses_labels for row in table.rows):
        parts.append(DAGGER)
    if _has_patches(table):
        parts.append(PATCHES)
    if table.missing:
        parts.append(f"Not computed: {', '.join(f'`{name}`' for name in table.missing)}.")
    if slug in shown:
        parts.append(f"![k-NN accuracy of each method, one dot a seed]({shown[slug]})")
    if table.curves:
        parts.append("## Curves\n\nOne setting varied, everything else as above.")
    for curve, points in table.curves:
        parts += [f"### {curve.title}", curve.note, _pipes(*_curve_table(curve, points))]
        if f"{slug}-{curve.name}" in shown:
            parts.append(f"![{curve.title}]({shown[f'{slug}-{curve.name}']})")
    parts += [
        "## What the columns are",
        "\n".join(f"- **{column.title}**: {column.meaning}." for column in table.columns),
    ]
    parts += ["## Made with", _made_with(table)]
    return "\n\n".join(parts) + "\n"


def _summary(table: Table) -> str:
    common, corpus = table.common, table.corpus
    size = "the corpus' own size" if common.image_size is None else f"{common.image_size} px"
    images = " or ".join(f"{int(number):,}" for number in distinct(table.records, "num_train"))
    others = [r for r in table.records if r["identity"]["config"]["backbone"] != common.backbone]
    except_for = "".join(
        f" {name} instead."
        for name in distinct(
            ({"n": f"`{r['method']}` trains `{r['identity']['config']['backbone']}`"} for r in others), "n"
        )
    )
    rates = [value for row in table.rows for value in row.figures["base_rate"].defined]
    base = (
        f" Of all negatives of a batch, {100 * sum(rates) / len(rates):.1f} % are false (base rate)." if rates else ""
    )
    return (
        f"{corpus.name}: every method trains the same encoder (`{common.backbone}`, preset `{common.preset}`) for {table.steps:,} "
        f"steps of {common.batch_size} images (budget {table.budget}) in {common.precision}, on {images} training images at {size}, views "
        f"`{common.strength}`. Figures are of the last epoch: k-NN with k = {table.knn_k} on {corpus.num_test:,} test images "
        f"against the images that were trained on; mean ± sample standard deviation over seeds.{base}{except_for}"
    )


def _made_with(table: Table) -> str:
    hardware = [record["hardware"] for record in table.records]
    lines = [f"    {table.command}", ""]
    lines += [f"- {name}" for name in distinct(({"on": _machine(h)} for h in hardware), "on")]
    lines += [f"- samekind {name}" for name in distinct(table.records, "samekind")]
    lines += [f"- torch {name}" for name in distinct(table.records, "torch")]
    dates = distinct(table.records, "date")
    lines.append(
        f"- {len(table.records)} trials, {dates[0][:10]} to {dates[-1][:10]}; every one is a file under `cells/`"
    )
    notes = sorted({note for record in table.records for note in record["notes"]})
    return "\n".join([*lines, *(f"- {note}" for note in notes)])


def _machine(hardware: dict[str, Any]) -> str:
    gpu = f", {hardware['gpu']}" if hardware.get("gpu") else ", no GPU"
    return f"{hardware['cpu']}, cores: {hardware['cores']}, threads of torch: {hardware['threads']}{gpu}"


def _curve_table(curve: Curve, points: Iterable[Row]) -> tuple[list[str], list[list[object]]]:
    columns = _CURVE_COLUMNS if curve.false_negatives else _CURVE_COLUMNS[:1]
    rows: list[list[object]] = [[p.x, len(p.seeds), *p.cells(columns)] for p in points]
    return [curve.axis, "seeds", *(c.title for c in columns)], rows


def _pipes(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [headers, ["---", *["---:"] * (len(headers) - 1)]]
    lines += [["–" if value is None else str(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _has_patches(table: Table) -> bool:
    return any(row.method.overrides.get("objective") == "cpc" for row in table.rows)


def _code(row: Row) -> str:
    return f"`{row.method.name}`" + (" †" if row.method.uses_labels else "")


def _plain(markdown: str) -> str:
    return markdown.replace("`", "")
