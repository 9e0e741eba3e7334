"""The images of an artefact's index, by the hashes that people's answers name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from samekind.core.errors import InputError
from samekind.indexer.storage.layout import MANIFEST, ROWS_FILE
from samekind.indexer.storage.rows import Rows


def held_rows(path: str | Path) -> Rows | None:
    """The rows of a finished index, if there is one.

    Raises:
        ArtefactError: the index's list of rows is damaged.
    """
    rows_file = Path(path) / ROWS_FILE
    return Rows.read(rows_file) if rows_file.is_file() and (Path(path) / MANIFEST).is_file() else None


def first_ids(rows: Rows | None) -> dict[str, str]:
    """By content hash, the id of the first image with that content."""
    return {} if rows is None else dict(zip(reversed(rows.column("sha256")), reversed(rows.ids), strict=True))


def content_of(id_: str, hashes: Mapping[str, str] | None) -> str:
    """The content hash of an image by its id.

    Args:
        id_: of the image.
        hashes: of all images that the index holds, `id_` among them; `None` if there is no index.

    Raises:
        InputError: there is no id, or no index that could tell.
    """
    if not id_:
        raise InputError("it has neither sha256 nor id")
    if hashes is None:
        raise InputError(f"there is no index that could tell which image {id_!r} is", hint="give its sha256")
    return hashes[id_]
