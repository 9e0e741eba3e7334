"""The file that a row came from, where it is still there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samekind.core.errors import ImageError
from samekind.data.decoding.pictures import content_sha256, file_and_frame


def original(row: Mapping[str, Any]) -> tuple[bytes, int | None] | None:
    """The file of a row, and the number of the picture in it, if it still is what was indexed, by its SHA-256.

    Args:
        row: its `uri` and `sha256`.

    Returns:
        `None` if the file has moved, changed or cannot be read, and for rows that come from no file.
    """
    try:
        file, frame = file_and_frame(row["uri"])
        encoded = file.read_bytes() if file.is_file() else b""  # a named pipe would wait for ever
        is_same = bool(encoded) and content_sha256(encoded, frame) == row["sha256"]
    except (OSError, ValueError, ImageError):  # ValueError: an address that no path can be
        return None
    return (encoded, frame) if is_same else None
