"""Vectors as files of other programs: Parquet with everything that belongs to a row, or `.npy` with the ids in a text file beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, InputError
from samekind.core.files import atomic_path
from samekind.core.text import counted
from samekind.training.runtime.artefact import check_file_writable

SUFFIXES = (".parquet", ".npy")
TEXTS = ("label", "split", "uri", "sha256")
PLACEHOLDER = np.full((32, 32), 160, dtype=np.uint8)
"""Stands for the picture of a row whose vector came without one."""
_ROW_GROUP = 16_384
_MAGIC = b"\x93NUMPY"


@dataclass(frozen=True)
class VectorRows:
    """Vectors and what belongs to them.

    Attributes:
        ids: N names.
        vectors: `(N, D)` floats.
        texts: of `TEXTS`, those that there are; N values each, `None` where unknown.
        made_by: fingerprint of the encoder; empty if it is not known.
    """

    ids: list[str]
    vectors: NDArray[Any]
    texts: dict[str, list[str | None]]
    made_by: str = ""


def check_suffix(path: Path) -> None:
    """Refuses a file of another kind.

    Raises:
        InputError: it ends in something else.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path}: vectors are .parquet or .npy files", hint="name a file that ends in one of these")


def ids_file(path: Path) -> Path:
    """The text file with the ids of an `.npy` file, one a line: `vectors.ids.txt` of `vectors.npy`."""
    return path.with_suffix(".ids.txt")


def write_vector_file(path: Path, rows: VectorRows) -> None:
    """Writes Parquet (`id`, `vector`, and the texts) or `.npy` with its ids (the texts are left out).

    Raises:
        InputError: the file is of another kind, or an id has several lines.
        ArtefactError: it cannot be written.
    """
    check_suffix(path)
    check_file_writable(path)
    try:
        if path.suffix == ".parquet":
            _write_parquet(path, rows)
            return
        if any("\n" in id_ or "\r" in id_ for id_ in rows.ids):
            raise InputError("an id has several lines, which a text file cannot hold", hint="write .parquet")
        with atomic_path(ids_file(path)) as temporary:
            temporary.write_text("".join(f"{id_}\n" for id_ in rows.ids), encoding="utf-8")
        with atomic_path(path) as temporary, temporary.open("wb") as stream:
            np.save(stream, rows.vectors)
    except OSError as error:
        raise ArtefactError(
            f"cannot write {path}: {error.strerror or error}", hint="check permissions and free space"
        ) from error


def _write_parquet(path: Path, rows: VectorRows) -> None:
    import pyarrow.parquet as pq

    dim = rows.vectors.shape[1]
    texts: list[list[Any]] = [rows.ids, *rows.texts.values()]
    fields = [pa.field(name, pa.string()) for name in ("id", *rows.texts)]
    about = {"samekind": json.dumps({"encoder": rows.made_by, "dim": dim, "metric": "cosine"})}
    schema = pa.schema([*fields, pa.field("vector", pa.list_(pa.float32(), dim))], about)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for start in range(0, len(rows.ids), _ROW_GROUP):
            part = slice(start, start + _ROW_GROUP)
            flat = pa.array(np.ascontiguousarray(rows.vectors[part], dtype=np.float32).ravel())
            columns = [pa.array(values[part], pa.string()) for values in texts]
            vectors = pa.FixedSizeListArray.from_arrays(flat, dim)
            writer.write_table(pa.table([*columns, vectors], schema=schema), _ROW_GROUP)


def read_vector_file(path: Path) -> VectorRows:
    """Reads what `write_vector_file` writes, or a file of the same shape by anybody else.

    Args:
        path: Parquet with `vector` (a list of numbers a row) and `id`, or `uri` in its place; of `TEXTS`, what there is is read. Or `.npy`,
            `(N, D)`, with N lines of ids in `ids_file(path)`.

    Raises:
        InputError: the file is missing, of another kind, or lacks something.
    """
    check_suffix(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file", hint="name a .parquet or .npy file with vectors")
    return _read_parquet(path) if path.suffix == ".parquet" else _read_npy(path)


def _read_npy(path: Path) -> VectorRows:
    names = ids_file(path)
    vectors = _array(path)
    try:
        ids = names.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} needs its ids in {names}", hint="one id a line, UTF-8, in the order of the rows"
        ) from error
    return VectorRows([id_.removesuffix("\r") for id_ in (ids[:-1] if ids[-1] == "" else ids)], vectors, {})


def _array(path: Path) -> NDArray[Any]:
    with path.open("rb") as stream:
        start = stream.read(len(_MAGIC))
    if start[:2] == b"PK":
        hint = f"take the array out of it: np.save({path.name!r}, np.load(ARCHIVE)[NAME])"
        raise InputError(f"{path} is an archive (.npz), expected a single array", hint=hint)
    hint = "np.save(FILE, vectors) writes one, of numbers of shape (N, D)"
    if start != _MAGIC:
        raise InputError(f"{path} is no .npy file", hint=hint)
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except Exception as error:  # NumPy's parser raises nearly anything on damaged bytes
        why = "it holds Python objects" if "allow_pickle" in str(error) else _first_line(error)
        raise InputError(f"{path} is no .npy file of numbers: {why}", hint=hint) from error
    return array


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _read_parquet(path: Path) -> VectorRows:
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        have = table.column_names
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {_first_line(error)}") from error
    name = next((name for name in ("id", "uri") if name in have), None)
    if name is None or "vector" not in have:
        hint = "rename the columns: id (text), vector (a list of numbers), perhaps label and split"
        raise InputError(
            f"{path} needs the columns id (or uri) and vector, it has {', '.join(have) or 'none'}", hint=hint
        )
    ids = _texts(table, name, path)
    missing = ids.count(None)
    if missing:
        raise InputError(
            f"{path}: {counted(missing, 'row has', 'rows have')} no {name}", hint="every vector needs an id of its own"
        )
    texts = {name: _texts(table, name, path) for name in TEXTS if name in have}
    return VectorRows([str(id_) for id_ in ids], _matrix(table["vector"], path), texts, _maker(table))


def _maker(table: Any) -> str:
    """Fingerprint of the encoder, if the file is one of ours."""
    try:
        about = json.loads((table.schema.metadata or {}).get(b"samekind", b"{}"))
    except ValueError:
        return ""
    return str(about.get("encoder", "")) if isinstance(about, dict) else ""


def _texts(table: Any, name: str, path: Path) -> list[str | None]:
    try:
        values = table[name].to_pylist()
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: the column {name} is not UTF-8 text: {_first_line(error)}") from error
    return [None if value is None else str(value) for value in values]


def _matrix(column: Any, path: Path) -> NDArray[Any]:
    """`(N, D)` of a column of lists, which must be of one length."""
    array = column.combine_chunks()
    if not (
        pa.types.is_list(array.type) or pa.types.is_large_list(array.type) or pa.types.is_fixed_size_list(array.type)
    ):
        raise InputError(f"{path}: the column vector holds {array.type}, expected a list of numbers a row")
    if array.null_count:
        raise InputError(f"{path}: {array.null_count:,} rows have no vector", hint="leave these rows out")
    from pyarrow import compute

    lengths = set(compute.list_value_length(array).unique().to_pylist())
    if len(lengths) > 1:
        raise InputError(f"{path}: the vectors differ in length: {', '.join(map(str, sorted(lengths)))}")
    flat = array.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat).reshape(len(array), lengths.pop() if lengths else 0)
