"""What a file says of one image, and how a value becomes labels."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from samekind.data.layouts.class_names import composed
from samekind.data.types.same_class import JOINED_BY

_MISSING = frozenset({"", "nan", "NaN", "NA", "N/A", "n/a", "NULL", "null", "None", "<NA>", "#N/A"})
_WHOLE = re.compile(r"-?\d+\.0+")


@dataclass(frozen=True)
class ImageLabels:
    """One line of a file: an image by name, its labels (possibly none), and the split where the file says one."""

    file: str
    labels: tuple[str, ...]
    split: str | None = None


def labels_of(value: Any) -> tuple[str, ...]:
    """Labels in a cell: text, a number, a list, or text that holds a list (`["a", "b"]`, `a|b`, `a;b`); none where the value is missing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ()
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(label for entry in value for label in labels_of(entry))
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, float) and value.is_integer():
        return (str(int(value)),)
    text = composed(" ".join(str(value).split()))
    if text in _MISSING:
        return ()
    if text.startswith("[") and text.endswith("]"):
        try:
            return labels_of(json.loads(text if '"' in text else text.replace("'", '"')))
        except ValueError:
            pass  # a name in brackets
    parts = [part.strip() for part in re.split(r"[|;]", text)]
    return tuple(part for part in parts if part not in _MISSING)


def joined(labels: Iterable[str]) -> str | None:
    """One label of all that an image has, in alphabetical order; `None` of none."""
    return JOINED_BY.join(sorted(set(labels))) or None


def without_decimals(rows: list[ImageLabels]) -> list[ImageLabels]:
    """Numbers that a gap in their column has turned into decimals (`3.0`), whole again; other labels stay."""
    if not all(_WHOLE.fullmatch(label) for row in rows for label in row.labels):
        return rows
    return [ImageLabels(row.file, tuple(label.partition(".")[0] for label in row.labels), row.split) for row in rows]
