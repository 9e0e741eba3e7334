"""Which column of a table names the image, which its label and which its split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from samekind.core.errors import InputError
from samekind.data.layouts.labels.values import ImageLabels, labels_of, without_decimals

FILE_COLUMNS = (
    "file_name", "filename", "file", "filepath", "file_path", "path", "image_path", "image_file", "image_name", "img_path", "image", "img",
    "image_id", "imageid", "id", "name",
)  # fmt: skip
LABEL_COLUMNS = (
    "label",
    "labels",
    "class",
    "class_name",
    "classname",
    "category",
    "categories",
    "target",
    "tags",
    "tag",
)
SPLIT_COLUMNS = ("split", "subset", "partition", "fold")

Row = Mapping[str, Any]


class NoLabelColumn(InputError):
    """A table names images, and no column of it is called like labels."""


def rows_of_table(rows: Sequence[Row], file: Path, column: str | None) -> list[ImageLabels]:
    """The labels that a table gives.

    Without a column by name, labels are in one that is usually called so, in the only one beside the image's, or, if all others hold 0
    and 1 alone, the names of the columns that hold 1. An image that stands in several rows has the labels of all of them.

    Args:
        rows: by column.
        file: it comes from, for messages.
        column: that holds the labels; `None` to find it.

    Raises:
        InputError: no column names images, or there is none of that name; `NoLabelColumn` if it is not known which holds the labels.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        raise InputError(
            f"{file} holds no rows", hint="its first line names columns, each other line is about an image"
        )
    if column is not None and column not in names:
        raise InputError(f"{file} has no column {column!r}", hint=f"its columns are {', '.join(names)}")
    of_file = _named(names, FILE_COLUMNS, leave_out=column)
    if of_file is None:
        raise InputError(
            f"{file} has no column that names images", hint=f"call it file_name; its columns are {', '.join(names)}"
        )
    of_split = _named(names, SPLIT_COLUMNS, leave_out=column)
    column = column or _named(names, LABEL_COLUMNS, leave_out=of_file)
    rest = [name for name in names if name not in (of_file, of_split)]
    if column is None and len(rest) == 1:
        column = rest[0]
    if column is None and len(rest) > 1 and _are_flags(rows, rest):
        found = [tuple(name for name in rest if _is_set(row.get(name))) for row in rows]
    elif column is None:
        hint = f"name the column, for example {file.name}:{rest[0]}; there are {', '.join(rest)}" if rest else ""
        raise NoLabelColumn(f"{file} does not say which column holds the labels", hint=hint)
    else:
        found = [labels_of(row.get(column)) for row in rows]
    splits = [None if of_split is None else row.get(of_split) for row in rows]
    return without_decimals(
        [
            ImageLabels(_name_of(row.get(of_file)), labels, None if split is None else str(split))
            for row, labels, split in zip(rows, found, splits, strict=True)
        ]
    )


def _named(names: Sequence[str], usual: Sequence[str], *, leave_out: str | None) -> str | None:
    by_word = {name.strip().lower().replace(" ", "_"): name for name in reversed(names) if name != leave_out}
    return next((by_word[word] for word in usual if word in by_word), None)


def _name_of(value: Any) -> str:
    if isinstance(value, Mapping):  # an image column of Hugging Face: {"bytes", "path"}
        value = value.get("path") or ""
    return "" if value is None else str(value)


def _are_flags(rows: Sequence[Row], names: Sequence[str]) -> bool:
    return all(
        str(row.get(name)).strip() in ("0", "1", "0.0", "1.0", "True", "False") for row in rows for name in names
    )


def _is_set(value: Any) -> bool:
    return str(value).strip() in ("1", "1.0", "True")
