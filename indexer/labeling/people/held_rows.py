"""The images of an artefact's index, by the hashes that people's answers name."""

from __future__ import annotations

from pathlib import Path

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
