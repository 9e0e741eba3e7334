"""Files of every format, made here: what tests of decoding share."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

SIDE = 48

HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEA"
    "AQAAAAABoQABAAAAAAAAAOEAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmND"
    "AQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAA"
    "AAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAADAAAAABAAAAMAAAAAH////wAAAA"
    "Av////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAOltZGF0AAAA3SgBrwY4Wve239Rgf//3/z6H9m2QIfBJN/ZV7vv2"
    "fo//zUyKN54ASSDq34/BsQeU4i/q/KcHxTf6/yuZttr+r8pwfFN/r/K+9VuH9uO/7bsICPVr3n9r1QwdJo8N0OMZVjDPQDBwm2J9KLOFOVvPCcAoSPvM+x5H"
    "m9tK0/RYsP/avBA3x8FHIIa9JgfxjbLVV5Z8j24EWnaIfLE4uxOWSfjv9iZuS6RyPaecO9Yf9np7r4VdXbufyKMzvLNiIlk58YW5RC8qn2BSawZC4IN3hsBC"
    "+UM5fHcYzn/gPsTm"
)
"""48 × 48 px, red on the left and blue on the right; no encoder is at hand where tests run."""
JXL = base64.b64decode(
    "/wpLBgAciAIAgAO1nyAAABUqo4wbvJzr+fJDh8W0jesMbbVtYQljs70wSJgAMMOoGAoXOAh1yYazpgYCjxc2vgkEEdMHThfCgVNE6PBF+PiMANR1QLxdtKhG"
    "PkTRYIC0XdgYrnfInwHMnwsMkglzMxvtEfSA/XeUncf77yUQwHJXjGkZjAVNRLlrv666roFPW7dCCmQixslMzmRO5lxOZsaMGSd94SZhaWoZYfFblDi88Q9t"
    "hVM+Mjf3gUx2Cy1EpPq1UOwoEJLu/TCuyF76w47YnRVDd+A707LTUr0iX2DC7Lb6FJB+RdkbAA=="
)
"""The same picture."""


def halves(width: int = SIDE, height: int = SIDE) -> Image.Image:
    """Red on the left, blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 220
    return Image.fromarray(pixels)


def noise(seed: int = 0, width: int = SIDE, height: int = SIDE) -> Image.Image:
    """Colours at random."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The image as a file's bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def frames(kind: str, count: int = 3, **options: Any) -> bytes:
    """A file of several pictures, each of one colour: red 60, 120, 180 and so on."""
    pictures = [Image.new("RGB", (SIDE, SIDE), (60 * (i + 1), 0, 0)) for i in range(count)]
    return encoded(pictures[0], kind, save_all=True, append_images=pictures[1:], **options)


def files() -> dict[str, bytes]:
    """One file of each format that Pillow reads by itself, by the usual extension."""
    image = halves()
    return {
        "jpg": encoded(image, "JPEG", quality=95),
        "png": encoded(image, "PNG"),
        "gif": encoded(image, "GIF"),
        "webp": encoded(image, "WEBP", quality=95),
        "bmp": encoded(image, "BMP"),
        "tif": encoded(image, "TIFF"),
        "avif": encoded(image, "AVIF", quality=95),
        "jp2": encoded(image, "JPEG2000"),
        "j2k": encoded(image, "JPEG2000", no_jp2=True),
        "ppm": encoded(image, "PPM"),
        "pgm": encoded(image.convert("L"), "PPM"),
        "pbm": encoded(image.convert("1"), "PPM"),
        "qoi": encoded(image, "QOI"),
    }


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk with its length and checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(png: bytes, *chunks: bytes, at_end: bool = False) -> bytes:
    """The PNG with further chunks behind its header, or before its end."""
    place = len(png) - 12 if at_end else 33
    return png[:place] + b"".join(chunks) + png[place:]


def claims(width: int, height: int, kind: str) -> bytes:
    """A small file that says it is huge."""
    if kind == "png":
        header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IEND", b"")
    if kind == "bmp":
        return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
    if kind == "gif":
        return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b";"
    if kind == "ppm":
        return b"P6 %d %d 255\n" % (width, height) + bytes(64)
    assert kind == "tif"
    tags = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
    ]
    entries = b"".join(struct.pack("<HHII", tag, form, 1, value) for tag, form, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def matrix_profile(
    red: tuple[float, float, float],
    green: tuple[float, float, float],
    blue: tuple[float, float, float],
    gamma: float = 2.2,
) -> bytes:
    """An ICC profile (version 2) of an RGB space by its primaries in XYZ (D50)."""

    def xyz(values: tuple[float, float, float]) -> bytes:
        return b"XYZ " + bytes(4) + b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    words = b"wide"
    name = b"desc" + bytes(4) + struct.pack(">I", len(words) + 1) + words + b"\0" + bytes(78)
    note = b"text" + bytes(4) + b"none\0"
    parts = {
        b"desc": name,
        b"cprt": note,
        b"wtpt": xyz((0.9642, 1.0, 0.8249)),
        b"rXYZ": xyz(red),
        b"gXYZ": xyz(green),
        b"bXYZ": xyz(blue),
    }
    parts |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile(b"RGB ", parts)


def profile(space: bytes, parts: dict[bytes, bytes], kind: bytes = b"mntr", between: bytes = b"XYZ ") -> bytes:
    """An ICC profile of these tags."""
    table, body, at = b"", b"", 128 + 4 + 12 * len(parts)
    for tag, part in parts.items():
        part += bytes(-len(part) % 4)
        table += tag + struct.pack(">II", at + len(body), len(part))
        body += part
    whole = 128 + 4 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", whole, b"none", 0x02400000, kind, space, between)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061) + bytes(48)
    assert len(head) == 128
    return head + struct.pack(">I", len(parts)) + table + body


def ink_profile() -> bytes:
    """An ICC profile of four inks of which black shows as mid-grey: far from what is assumed where there is no profile."""
    corners = np.stack(np.meshgrid(*[np.arange(2)] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    light = 100 - corners[:, :3].sum(1) * 15 - corners[:, 3] * 40  # L*
    lab = np.stack([light * 2.55, np.full(16, 128.0), np.full(16, 128.0)], axis=1).round().astype(np.uint8)
    ramp = bytes(range(256))
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + lab.tobytes() + ramp * 3
    note = b"text" + bytes(4) + b"none\0"
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    parts = {b"desc": name, b"cprt": note, b"wtpt": white, b"A2B0": lut}
    return profile(b"CMYK", parts, b"prtr", b"Lab ")
