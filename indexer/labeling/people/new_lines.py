"""What of a file that people bring is new to a table: for labels and tags alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from samekind.core.errors import InputError
from samekind.indexer.labeling.csv_files import TIMELESS
from samekind.indexer.labeling.people.given_labels import GivenLabel
from samekind.indexer.labeling.people.tags import Tag

Line = TypeVar("Line", GivenLabel, Tag)


def known_images(
    lines: Iterable[Line | str | None], file: str | Path, hashes: Mapping[str, str] | None
) -> tuple[list[Line], tuple[str, ...]]:
    """The distinct lines, and the distinct ids that the index does not hold.

    Args:
        lines: of the file; a text is an id that the index does not hold.
        file: named in the error.
        hashes: content hashes by id of the index; `None` where there is no index to ask.

    Raises:
        InputError: the index holds no image of the file.
    """
    distinct = list(dict.fromkeys(lines))
    unknown = tuple(line for line in distinct if isinstance(line, str))
    wanted = [line for line in distinct if line is not None and not isinstance(line, str)]
    if unknown and not wanted:
        held = next(iter(hashes or ()), "")
        raise InputError(f"the index holds no image that {file} names: {unknown[0]!r}", hint=f"ids look like {held!r}")
    return wanted, unknown


def new_lines(wanted: Sequence[Line], stored: Iterable[Line]) -> list[Line]:
    """Those that are not stored, a line without a time with that of now; one is stored if any time has it."""
    known = {form for each in stored for form in (each, replace(each, when=TIMELESS))}
    now = datetime.now(UTC).isoformat()
    return [replace(each, when=now) if each.when == TIMELESS else each for each in wanted if each not in known]
