"""Encoded images in cells of Parquet files. A file gives its rows in groups only; the last of those are kept, for rows come in order."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import Any

from samekind.core.errors import ImageError
from samekind.data.types.images import Cell

_KEPT = 2  # groups: threads are at work on the end of one and on the beginning of the next
_Key = tuple[Path, int, int, int, str]
_groups: OrderedDict[_Key, Any] = OrderedDict()
_lock = Lock()


def encoded_in(cell: Cell) -> bytes:
    """The bytes in a cell; none if it is empty.

    Raises:
        ImageError: the file is gone or no longer has the cell.
    """
    try:
        stamp = cell.file.stat()
        key = cell.file, stamp.st_mtime_ns, stamp.st_size, cell.group, cell.column
        with _lock:  # else every thread would read the whole group
            if key not in _groups:
                _groups[key] = read_group(cell.file, cell.group, cell.column)
            _groups.move_to_end(key)
            values = _groups[key]
            while len(_groups) > _KEPT:
                _groups.popitem(last=False)
        return values[cell.row].as_py() or b""
    except (OSError, LookupError, ValueError) as error:
        raise ImageError(f"{cell.file} cannot be read ({' '.join(str(error).split())[:120]})") from error


def read_group(file: Path, group: int, column: str) -> Any:
    """A group's `pyarrow.ChunkedArray` of bytes or nulls, of a column of bytes or of structs that have `bytes`.

    Raises:
        OSError, LookupError, ValueError: the file cannot be read, or has no such group or column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(file, memory_map=True) as opened:
        path = f"{column}.bytes" if opened.schema_arrow.field(column).type.num_fields else column
        values = opened.read_row_group(group, columns=[path], use_threads=False).column(0)
    if path == column:
        return values
    return pa.chunked_array([chunk.field("bytes") for chunk in values.chunks], values.type.field("bytes").type)
