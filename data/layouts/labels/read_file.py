"""Files of labels, by their ending: tables (CSV, TSV, JSON lines, Parquet), JSON (COCO, or file names and labels), text, and folders of
annotations.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samekind.core.errors import InputError
from samekind.data.layouts.labels.annotations import coco_labels, voc_labels, yolo_labels
from samekind.data.layouts.labels.columns import rows_of_table
from samekind.data.layouts.labels.values import ImageLabels, labels_of

ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".json", ".txt", ".xml")


def read_label_file(file: Path, column: str | None = None) -> list[ImageLabels]:
    """The labels in a file, or in all annotation files below a folder, a line or entry each.

    Args:
        file: CSV, TSV, JSON lines or Parquet with a column that names the image; JSON as COCO has it, a list of such rows, or file names
            with their labels; text with a file name and a label a line; VOC's XML; a folder of XML or JSON files, or of YOLO's text files.
        column: of a table, the one that holds the labels.

    Raises:
        InputError: the file is missing, damaged or of another kind, or has no such column.
    """
    if file.is_dir():
        return _read_folder(file)
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise InputError(f"{file} is no file of labels", hint=f"one ends in {' '.join(ENDINGS)}")
    if column is not None and ending in (".txt", ".xml"):
        raise InputError(f"{file} has no columns", hint="leave out what stands behind the colon")
    try:
        if ending == ".parquet":
            return rows_of_table(_parquet_rows(file), file, column)
        return _READERS[ending](file, column)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror or error}", hint="name a file of labels") from error
    except UnicodeDecodeError as error:
        raise InputError(f"cannot read {file}: it is not UTF-8 text", hint="save it as UTF-8") from error
    except (csv.Error, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{file} is damaged: {error}") from error


def _read_folder(folder: Path) -> list[ImageLabels]:
    files = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in (".xml", ".json", ".txt") and path.is_file()
    ]
    for ending in (".xml", ".json"):
        chosen = [path for path in files if path.suffix.lower() == ending]
        if chosen:
            return [row for path in chosen for row in read_label_file(path)]
    rows = yolo_labels(folder, files)
    if not rows:
        raise InputError(
            f"{folder} holds no annotation files", hint="they end in .xml (VOC), .json (COCO) or .txt (YOLO)"
        )
    return rows


def _csv(file: Path, column: str | None) -> list[ImageLabels]:
    text = file.read_text(encoding="utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = max("\t;,", key=first.count) if file.suffix.lower() == ".csv" else "\t"
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))
    return rows_of_table(rows, file, column)


def _json_lines(file: Path, column: str | None) -> list[ImageLabels]:
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise InputError(f"{file}, line {number}: it is no JSON ({error})") from error
            if not isinstance(row, dict):
                raise InputError(f"{file}, line {number}: expected an object with columns")
            rows.append(row)
    return rows_of_table(rows, file, column)


def _json(file: Path, column: str | None) -> list[ImageLabels]:
    content = json.loads(file.read_text(encoding="utf-8-sig"))
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        return coco_labels(content, file)
    if isinstance(content, list) and all(isinstance(row, dict) for row in content):
        return rows_of_table(content, file, column)
    if isinstance(content, dict) and not any(isinstance(value, dict) for value in content.values()):
        return [ImageLabels(name, labels_of(value)) for name, value in content.items()]
    raise InputError(
        f"{file} is no annotation file", hint="expected COCO's images and annotations, rows, or {file: label}"
    )


def _text(file: Path, column: str | None) -> list[ImageLabels]:
    """A name and a label a line, tabs or blanks between them; what else stands behind a tab is left out."""
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), 1):
        if line.strip():
            words = line.strip().split("\t") if "\t" in line.strip() else line.strip().split(maxsplit=1)
            if len(words) < 2:
                raise InputError(f"{file}, line {number}: expected a file name and a label, got {line.strip()!r}")
            rows.append(ImageLabels(words[0], labels_of(words[1])))
    if not rows:
        raise InputError(f"{file} is empty", hint="expected a file name and a label a line")
    return rows


def _xml(file: Path, column: str | None) -> list[ImageLabels]:
    return [voc_labels(file)]


_READERS: dict[str, Callable[[Path, str | None], list[ImageLabels]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".txt": _text,
    ".xml": _xml,
}


def _parquet_rows(file: Path) -> list[dict[str, Any]]:
    """Rows of a Parquet file without its pictures; class numbers by name where Hugging Face's `datasets` has stored the names."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (pa.ArrowException, pa.ArrowInvalid) as error:
        raise InputError(f"{file} is no Parquet file ({str(error).splitlines()[0]})") from error
    known = json.loads((table.schema.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    columns = {
        name: table[name].to_pylist()
        for name in table.column_names
        if not pa.types.is_binary(table.schema.field(name).type)
    }
    for name, values in columns.items():
        classes = known.get(name, {}).get("names") if isinstance(known.get(name), dict) else None
        if classes:
            columns[name] = [classes[v] if isinstance(v, int) and 0 <= v < len(classes) else None for v in values]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
