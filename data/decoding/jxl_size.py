"""Width and height of a JPEG XL file from its first bytes: its plugin decodes a file when it opens it, and a limit must come before that.

Source: ISO/IEC 18181-1, annex D.2 (SizeHeader); 18181-2 for the boxes around a codestream.
"""

from __future__ import annotations

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
_LENGTHS = (9, 13, 18, 30)


def jxl_size(encoded: bytes) -> tuple[int, int]:
    """Width and height (px), before orientation.

    Raises:
        ValueError: there is no codestream.
    """
    bits = _Bits(_codestream(encoded))
    small = bits.take(1)
    height = (bits.take(5) + 1) * 8 if small else bits.length()
    ratio = bits.take(3)
    if ratio:
        across, down = _RATIOS[ratio - 1]
        return height * across // down, height
    return ((bits.take(5) + 1) * 8 if small else bits.length()), height


class _Bits:
    """Bits of a byte string, the least significant first."""

    def __init__(self, encoded: bytes) -> None:
        self._value, self._left = int.from_bytes(encoded, "little"), 8 * len(encoded)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the header of the JPEG XL file is truncated")
        value = self._value & ((1 << count) - 1)
        self._value >>= count
        return value

    def length(self) -> int:
        """A side that is given in full."""
        return self.take(_LENGTHS[self.take(2)]) + 1


def _codestream(encoded: bytes) -> bytes:
    """The first bytes of the codestream behind its signature."""
    if encoded.startswith(b"\xff\x0a"):
        return encoded[2:18]
    at = 0
    while at + 8 <= len(encoded):
        size, kind, start = int.from_bytes(encoded[at : at + 4], "big"), encoded[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = int.from_bytes(encoded[start : start + 8], "big"), start + 8
        if kind in (b"jxlc", b"jxlp"):
            start += 4 if kind == b"jxlp" else 0
            if encoded[start : start + 2] != b"\xff\x0a":
                break
            return encoded[start + 2 : start + 18]
        if size < start - at:  # 0 is the last box, and anything else below its own header is damage
            break
        at += size
    raise ValueError("the JPEG XL file has no codestream")
