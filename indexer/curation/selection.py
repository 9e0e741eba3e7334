"""A selection of images as a file for other programs: a list, the list with vectors, or the pictures. Nothing is changed or deleted."""

from __future__ import annotations

import csv
import io
import re
import stat
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from samekind.core.cells import guarded
from samekind.core.errors import ArtefactError, InputError
from samekind.core.files import atomic_path
from samekind.data.decoding.pictures import content_sha256, file_and_frame
from samekind.indexer.labeling.csv_files import write_lines
from samekind.indexer.storage.vector_files import TEXTS, VectorRows, write_vector_file
from samekind.training.runtime.artefact import check_file_writable

if TYPE_CHECKING:
    from samekind.indexer.search.searchable import SearchableIndex

MOST_PICTURES = 2000
MOST_BYTES = 200_000_000
HEADER = ("id", "path", "label", "split", "sha256")
LARGEST_SIDE = 1024
"""Pixels of a picture that stands for one whose file is gone, has changed, or holds several."""
_NAME_LENGTH = 60


class ExportedImages(NamedTuple):
    """Outcome of an export.

    Attributes:
        num_images: that are in the file.
        num_left_out: pictures that an archive has no room for.
        num_gone: ids that the index does not hold.
    """

    num_images: int
    num_left_out: int
    num_gone: int


def export_images(index: SearchableIndex, ids: Sequence[str], file: str | Path) -> ExportedImages:
    """Writes a selection of images.

    Args:
        index: the opened index.
        ids: of the images, in the order to write them; those that the index does not hold are counted and left out.
        file: `.csv` gets the columns id, path, label, split and sha256, no text a formula; `.parquet` the columns of `export_vectors`, with
            the encoder's vectors; `.zip` copies of the files (of one that is gone or has changed, what the index keeps of it), at most
            2,000 and 200 MB, with `list.csv` that says which is which.

    Raises:
        InputError: the file is of another kind.
        ArtefactError: it cannot be written.
    """
    path, position = Path(file), index.rows.position
    held = [id_ for id_ in ids if id_ in position]
    num_gone = len(ids) - len(held)
    if path.suffix == ".csv":
        write_lines(path, HEADER, [_line(index, id_) for id_ in held])
    elif path.suffix == ".parquet":
        rows = np.array([position[id_] for id_ in held], dtype=np.int64)
        columns = {name: index.rows.column(name) for name in TEXTS}
        texts = {name: [column[row] for row in rows] for name, column in columns.items()}
        write_vector_file(path, VectorRows(held, index.vectors(rows), texts, index.manifest["encoder"]))
    elif path.suffix == ".zip":
        check_file_writable(path)
        try:
            num_left_out = _write_archive(index, held, path)
        except OSError as error:
            raise ArtefactError(
                f"cannot write {path}: {error.strerror or error}", hint="check permissions and free space"
            ) from error
        return ExportedImages(len(held) - num_left_out, num_left_out, num_gone)
    else:
        raise InputError(f"{path}: images are exported to .csv, .parquet or .zip", hint="name a file of one of these")
    return ExportedImages(len(held), 0, num_gone)


def _line(index: SearchableIndex, id_: str) -> list[str]:
    row = index.row(id_)
    return [id_, row["uri"] or "", row["label"] or "", row["split"], row["sha256"]]


def _write_archive(index: SearchableIndex, ids: Sequence[str], path: Path) -> int:
    """Writes the archive; returns how many pictures had no room in it."""
    listed: list[list[str]] = []
    room = MOST_BYTES
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for place, id_ in enumerate(ids[:MOST_PICTURES], start=1):
            content, suffix = _picture(index, id_)
            if len(content) > room:
                break
            room -= len(content)
            # Ids are paths of anybody's making: only plain letters of the last part become a name.
            name = f"{place:05}-{re.sub(r'[^0-9A-Za-z-]+', '_', Path(id_).stem)[:_NAME_LENGTH]}{suffix}"
            archive.writestr(name, content)
            listed.append([name, *_line(index, id_)])
        text = io.StringIO(newline="")
        csv.writer(text).writerows([guarded(cell) for cell in line] for line in [["file", *HEADER], *listed])
        archive.writestr("list.csv", text.getvalue())
    return len(ids) - len(listed)


def _picture(index: SearchableIndex, id_: str) -> tuple[bytes, str]:
    """Content and suffix of an image's own file, if that is still what was indexed; else of the best picture that there is."""
    row = index.row(id_)
    try:
        file, frame = file_and_frame(row["uri"] or "")
        if frame is None and stat.S_ISREG(file.stat().st_mode) and file.stat().st_size <= MOST_BYTES:
            content = file.read_bytes()
            if content_sha256(content, None) == row["sha256"]:
                return content, file.suffix.lower() if re.fullmatch(r"\.\w{1,5}", file.suffix) else ""
    except (OSError, ValueError):  # ValueError: an address that no path can be
        pass
    content = index.picture(id_, LARGEST_SIDE)
    return content, ".png" if content.startswith(b"\x89PNG") else ".jpg"
