"""PNG files with more text than Pillow reads: texts say nothing about the pixels, and megabytes of them are no damage."""

from __future__ import annotations

_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
_SIGNATURE = 8


def without_texts(encoded: bytes) -> bytes:
    """The PNG without its text chunks; the rest, checksums included, is copied as it is."""
    kept, at = [encoded[:_SIGNATURE]], _SIGNATURE
    while at + 8 <= len(encoded):
        end = at + 12 + int.from_bytes(encoded[at : at + 4], "big")
        if encoded[at + 4 : at + 8] not in _TEXTS:
            kept.append(encoded[at:end])
        at = end
    return b"".join(kept)
