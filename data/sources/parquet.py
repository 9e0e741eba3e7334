"""Images in Parquet files, as Hugging Face's `datasets` and many pipelines write them: one file, or a folder that holds nothing else.

The column `image` has encoded images: bytes, or structs with `bytes` and `path`. Optional columns are `label` (names, or numbers, which the
file's own list of classes names where it has one), `id` and `split`. Without these an image is called after its path or, where that is
missing or not unique, after its file and row; splits are told by the names of the files (`train-00000-of-00002.parquet`), or drawn.

Nothing is unpacked: an image is read from its file when it is asked for, with the group of rows that it lies in.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from samekind.core.errors import CorpusError
from samekind.core.progress import NoProgress, Progress, Task
from samekind.data.corpus import Corpus
from samekind.data.decode import worker_threads
from samekind.data.decoding.cells import read_group
from samekind.data.decoding.files import read_encoded
from samekind.data.types.images import Cell, ImageReference, SkippedFile
from samekind.data.types.reading import DeepRange, Reading, common_depth, depth_note
from samekind.data.types.splits import SPLIT_NAMES, Split, stable_split

SUFFIX = ".parquet"
_IMAGE = "image"
_CHUNK = 256
_LARGE = 1 << 30
"""Bytes of a group of rows that are worth a line: it is read whole for any one image of it."""


@dataclass
class _Rows:
    """Readable images: where they are, content hash and greyness, and what the other columns say of them; what was left out, and the values
    of deep pictures.
    """

    cells: list[Cell] = field(default_factory=list)
    seen: list[tuple[str, bool]] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)
    paths: list[str | None] = field(default_factory=list)
    places: list[tuple[str, int]] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    splits: list[Any] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    deep: list[DeepRange] = field(default_factory=list)


def parquet_files(path: Path) -> list[Path]:
    """The Parquet files of a corpus: the file itself, or all files of a folder if they are none but Parquet; empty otherwise."""
    if not path.is_dir():
        return [path] if path.is_file() and path.suffix.lower() == SUFFIX else []
    files = []
    for each in path.iterdir():
        if each.name.startswith("."):
            continue
        if each.suffix.lower() != SUFFIX or not each.is_file():
            return []
        files.append(each)
    return sorted(files)


def read_parquet(
    path: Path,
    source: dict[str, Any],
    seed: int = 0,
    progress: Progress | None = None,
    reading: Reading | None = None,
) -> Corpus:
    """Reads Parquet files as a corpus; images that cannot be decoded are skipped and listed.

    Args:
        path: a file, or a folder of nothing else.
        source: arguments of `load_corpus` that load it again.
        seed: of the split that is made where neither a column nor the files' names tell.
        progress: shows a bar.
        reading: how pictures are read; where it says nothing of the depth of deep ones, one is decided for all.

    Raises:
        CorpusError: a file cannot be read or has no column `image`, an id stands there twice, a split is none, only some images have an
            id or a split, or no image can be read.
    """
    root, rows, how = path.resolve(), _Rows(), reading or Reading()
    files = parquet_files(root)
    notes = [note for file in files for note in _check(file)]
    with (progress or NoProgress()).task("Reading images", sum(map(_num_rows, files))) as task:
        for file in files:
            _read_file(file, how, rows, task)
    if not rows.cells:
        reasons = "; ".join(sorted({each.reason for each in rows.skipped})[:4])
        raise CorpusError(f"{path} holds no readable image" + (f" ({reasons})" if reasons else ""))
    ids = _ids(rows, len(files) > 1, path)
    if rows.deep and how.depth is None:
        how = replace(how, depth=common_depth(rows.deep))
        assert how.depth is not None
        notes.append(depth_note(rows.deep, how.depth))
    for note in notes:
        (progress or NoProgress()).print(note)
    return Corpus(
        root.stem if root.is_file() else root.name,
        ids,
        [
            ImageReference(f"{root}/{id_}", sha256, grey, cell=cell)
            for id_, (sha256, grey), cell in zip(ids, rows.seen, rows.cells, strict=True)
        ],
        _splits(rows, ids, seed, path),
        None if all(label is None for label in rows.labels) else rows.labels,
        tuple(rows.skipped),
        source,
        tuple(notes),
        reading=how,
    )


def _check(file: Path) -> list[str]:
    """Refuses a file without images; a note on one whose groups are large."""
    schema, metadata = _opened(file)
    kinds = {name: schema.field(name).type for name in schema.names}
    if _IMAGE not in kinds or not _holds_bytes(kinds[_IMAGE]):
        raise CorpusError(
            f"{file} has no column {_IMAGE!r} of encoded images, but {', '.join(kinds) or 'none'}",
            hint="expected bytes, or structs with bytes and path, as Hugging Face's datasets write them",
        )
    groups = range(metadata.num_row_groups)
    largest = max((metadata.row_group(group).total_byte_size for group in groups), default=0)
    if largest <= _LARGE:
        return []
    size = f"{largest / (1 << 30):.1f} GB"
    return [f"{file.name}: a group of rows takes {size} of memory while its images are read; smaller groups take less"]


def _opened(file: Path) -> tuple[Any, Any]:
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as opened:
            return opened.schema_arrow, opened.metadata
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from error


def _damaged(file: Path, error: Exception) -> CorpusError:
    return CorpusError(f"{file} cannot be read as Parquet: {' '.join(str(error).split())[:120]}", hint="write it again")


def _num_rows(file: Path) -> int:
    return int(_opened(file)[1].num_rows)


def _holds_bytes(kind: Any) -> bool:
    from pyarrow import types

    if types.is_struct(kind):
        return any(each.name == "bytes" and _holds_bytes(each.type) for each in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _read_file(file: Path, reading: Reading, rows: _Rows, task: Task) -> None:
    """Decodes a file's images group by group, and takes their other columns."""
    schema, metadata = _opened(file)
    names, start = _classes(schema), 0
    with ThreadPoolExecutor(worker_threads()) as pool:
        for group in range(metadata.num_row_groups):
            try:
                encoded, told = read_group(file, group, _IMAGE), _told(file, group, schema)
            except (OSError, LookupError, ValueError) as error:
                raise _damaged(file, error) from error
            for first in range(0, len(encoded), _CHUNK):
                chunk = [value.as_py() or b"" for value in encoded.slice(first, _CHUNK)]
                for row, read in enumerate(pool.map(partial(read_encoded, reading=reading), chunk), first):
                    if not read.images:
                        reason = read.failures[0][1] if chunk[row - first] else "no bytes"
                        rows.skipped.append(SkippedFile(f"{file.name}, row {start + row}", reason))
                        continue
                    rows.cells.append(Cell(file, group, row, _IMAGE))
                    rows.seen.append((read.images[0].sha256, read.images[0].grey))
                    rows.deep += read.deep
                    rows.ids.append(told["id"][row])
                    rows.paths.append(told["path"][row])
                    rows.places.append((file.stem, start + row))
                    rows.labels.append(_label(told["label"][row], names, file))
                    rows.splits.append(told["split"][row])
                task.advance(len(chunk))
            start += len(encoded)


def _told(file: Path, group: int, schema: Any) -> dict[str, list[Any]]:
    """What a group's other columns say of each row; `None` where there is no such column."""
    from pyarrow import parquet, types

    wanted = {name: name for name in ("id", "label", "split") if name in schema.names}
    kind = schema.field(_IMAGE).type
    if types.is_struct(kind) and any(each.name == "path" for each in kind):
        wanted["path"] = f"{_IMAGE}.path"
    with parquet.ParquetFile(file) as opened:
        count = opened.metadata.row_group(group).num_rows
        table = opened.read_row_group(group, columns=list(wanted.values()))
    told: dict[str, list[Any]] = {name: [None] * count for name in ("id", "label", "path", "split")}
    for name in wanted:
        column = table[_IMAGE if name == "path" else name].to_pylist()
        told[name] = [None if value is None else value["path"] for value in column] if name == "path" else column
    return told


def _classes(schema: Any) -> list[str] | None:
    """The names behind numbers in the column `label`, as `datasets` writes them into a file."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return [str(name) for name in features["label"]["names"]]
    except (KeyError, TypeError, ValueError):
        return None


def _label(value: Any, names: Sequence[str] | None, file: Path) -> str | None:
    if isinstance(value, float):  # numbers beside gaps, as pandas writes them
        value = None if math.isnan(value) else int(value) if value.is_integer() else value
    if value is None or value == "" or (isinstance(value, int) and value < 0):  # -1 is how unlabelled rows are marked
        return None
    if isinstance(value, list | dict):
        raise CorpusError(
            f"{file} has several labels an image in the column 'label'",
            hint="one an image is read; give a folder and --labels FILE for several",
        )
    return names[value] if names is not None and isinstance(value, int) and value < len(names) else str(value)


def _ids(rows: _Rows, several: bool, path: Path) -> list[str]:
    """The column `id`, otherwise the paths of the images if they tell them apart, otherwise file and row."""
    if _is_told("id", rows.ids, path):
        ids = [str(value) for value in rows.ids]
        if any(not id_.strip() or "\n" in id_ or "\r" in id_ for id_ in ids):
            raise CorpusError(
                f"{path} has ids that are empty or of several lines", hint="every image needs an id of its own"
            )
        twice = next((id_ for id_, count in Counter(ids).items() if count > 1), None)
        if twice is not None:
            raise CorpusError(f"the id {twice!r} stands in {path} twice", hint="every image needs an id of its own")
        return ids
    named = all(path and not {"\n", "\r"} & set(path) for path in rows.paths)
    if named and len(set(rows.paths)) == len(rows.paths):
        return [str(value) for value in rows.paths]
    return [f"{stem}/{row:06d}" if several else f"{row:06d}" for stem, row in rows.places]


def _is_told(name: str, values: Sequence[Any], path: Path) -> bool:
    """True if every image has a value there, false if none has; some alone would be a choice between two readings of the others."""
    missing = sum(value is None for value in values)
    if 0 < missing < len(values):
        raise CorpusError(
            f"{path}: {missing} of {len(values)} images have no value in the column {name!r}",
            hint="give every image one, or leave the column out",
        )
    return missing == 0


def _splits(rows: _Rows, ids: Sequence[str], seed: int, path: Path) -> list[Split]:
    """The column `split`, otherwise the names of the files, otherwise drawn."""
    if _is_told("split", rows.splits, path):
        unknown = sorted({str(value) for value in rows.splits if str(value).lower() not in SPLIT_NAMES})
        if unknown:
            raise CorpusError(
                f"{path} names the splits {', '.join(unknown[:4])}", hint="expected train, validation and test"
            )
        return [SPLIT_NAMES[str(value).lower()] for value in rows.splits]
    named = [SPLIT_NAMES.get(re.split(r"[^a-z]", stem.lower())[0]) for stem, _ in rows.places]
    told = [split for split in named if split is not None]
    return told if len(told) == len(named) else stable_split(ids, rows.labels, seed)
