"""Camera files that look like TIFF. Pillow would read the small preview at their start and say nothing."""

from __future__ import annotations

import struct

_SUBFILE, _PHOTOMETRIC, _MAKE, _SUB_IFDS, _DNG_VERSION = 254, 262, 271, 330, 50706
_SENSOR = (32803, 34892)  # colour filter array, linear raw
_PREVIEW = 1


def is_raw_tiff(encoded: bytes) -> bool:
    """True if a TIFF is a camera's: a DNG, values of a sensor, or a maker's preview with the picture in a directory below it."""
    tags = _first_directory(encoded)
    if _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _SENSOR:
        return True
    return _SUB_IFDS in tags and _MAKE in tags and tags.get(_SUBFILE) == _PREVIEW


def _first_directory(encoded: bytes) -> dict[int, int]:
    """Tags of the first directory with their value, where that is one short number; 0 for others."""
    order = "<" if encoded[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(f"{order}I", encoded, 4)
        (count,) = struct.unpack_from(f"{order}H", encoded, at)
        places = [at + 2 + 12 * i for i in range(count)]
        entries = [(*struct.unpack_from(f"{order}HHI", encoded, place), place + 8) for place in places]
        formats = {3: "H", 4: "I"}
        return {
            tag: struct.unpack_from(order + formats[kind], encoded, place)[0] if kind in formats and number == 1 else 0
            for tag, kind, number, place in entries
        }
    except struct.error:
        return {}
