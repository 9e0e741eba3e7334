"""Camera files, developed by the optional rawpy."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from samekind.core.errors import ImageError
from samekind.data.corpus import Corpus
from samekind.data.decode import decode_image
from samekind.data.types.reading import Reading

SIDE = 256
BYTE, TEXT, SHORT, LONG, FRACTION, SIGNED = 1, 2, 3, 4, 5, 10


def dng() -> bytes:
    """A DNG of one sensor: bright on the left, dark on the right, 12 bits."""
    sensor = np.full((SIDE, SIDE), 400, np.uint16)
    sensor[:, : SIDE // 2] = 3000
    matrix = [value for row in np.eye(3) for number in row for value in (int(number * 10_000), 10_000)]
    fields: list[tuple[int, int, int, bytes]] = [
        (254, LONG, 1, struct.pack("<I", 0)),
        (256, LONG, 1, struct.pack("<I", SIDE)),
        (257, LONG, 1, struct.pack("<I", SIDE)),
        (258, SHORT, 1, struct.pack("<HH", 16, 0)),
        (259, SHORT, 1, struct.pack("<HH", 1, 0)),
        (262, SHORT, 1, struct.pack("<HH", 32803, 0)),
        (271, TEXT, 6, b"maker\0"),
        (272, TEXT, 6, b"model\0"),
        (273, LONG, 1, b"data"),
        (277, SHORT, 1, struct.pack("<HH", 1, 0)),
        (278, LONG, 1, struct.pack("<I", SIDE)),
        (279, LONG, 1, struct.pack("<I", sensor.nbytes)),
        (33421, SHORT, 2, struct.pack("<HH", 2, 2)),
        (33422, BYTE, 4, bytes([0, 1, 1, 2])),
        (50706, BYTE, 4, bytes([1, 4, 0, 0])),
        (50708, TEXT, 6, b"model\0"),
        (50717, LONG, 1, struct.pack("<I", 4095)),
        (50721, SIGNED, 9, struct.pack("<18i", *matrix)),
        (50728, FRACTION, 3, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
    ]
    at = 8 + 2 + 12 * len(fields) + 4
    entries, later = b"", b""
    data = at + sum(len(value) for *_, value in fields if len(value) > 4)
    for tag, form, count, value in fields:
        if value == b"data":
            value = struct.pack("<I", data)
        if len(value) > 4:
            later, value = later + value, struct.pack("<I", at + len(later))
        entries += struct.pack("<HHI", tag, form, count) + value
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4) + later + sensor.tobytes()


def test_a_raw_file_is_developed(tmp_path: Path) -> None:
    """Under any name, in its full size and not its preview's; the limit on pixels counts; what is damaged is listed."""
    pytest.importorskip("rawpy")
    (tmp_path / "x.tif").write_bytes(dng())
    (tmp_path / "cut.dng").write_bytes(dng()[:300])
    corpus = Corpus.from_folder(tmp_path)
    assert corpus.ids == ["x.tif"]
    pixels = np.asarray(corpus.image(0).convert("L"), dtype=float)
    assert pixels.shape[0] > SIDE - 16
    assert pixels[:, 20:100].mean() > pixels[:, -100:-20].mean() + 30
    with pytest.raises(ImageError, match="too many pixels"):
        decode_image(dng(), Reading(max_pixels=1000))
