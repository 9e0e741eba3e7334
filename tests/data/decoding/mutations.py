"""Mutated files: valid ones with bytes flipped, cut, doubled, moved, and numbers replaced by the ones that programs stumble over.

`python -m tests.data.decoding.mutations --count 10000` reads that many, prints what became of them, and names the seed of what took long.
"""

from __future__ import annotations

import argparse
import io
import struct
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from samekind.core.errors import ImageError
from samekind.data.decoding.pictures import PictureFile
from samekind.data.types.reading import Reading
from tests.data.decoding.samples import HEIC, JXL, encoded, files, frames, halves, ink_profile, matrix_profile, noise

WIDE = matrix_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
_ODD = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
LIMIT = 4_000_000
"""Pixels that are read of a mutated file: its header may claim anything."""


def originals() -> list[bytes]:
    """Valid files of every format, with profiles, EXIF, transparency, depth, several pictures and compressions."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    deep = Image.fromarray(np.arange(48 * 48, dtype=np.uint16).reshape(48, 48))
    alpha = halves().convert("RGBA")
    image = noise(1)
    return [
        *files().values(),
        *(frames(kind) for kind in ("TIFF", "GIF", "WEBP", "PNG", "AVIF")),
        encoded(image, "JPEG", progressive=True, exif=exif, icc_profile=WIDE),
        encoded(image.convert("CMYK"), "JPEG", icc_profile=ink_profile()),
        encoded(image, "MPO", save_all=True, append_images=[halves()]),
        encoded(image, "PNG", exif=exif, icc_profile=WIDE),
        encoded(image, "WEBP", lossless=True, exif=exif, icc_profile=WIDE, xmp=b"<x:xmpmeta tiff:Orientation='6'/>"),
        encoded(alpha, "PNG"),
        encoded(alpha.quantize(8), "PNG", transparency=0),
        encoded(alpha, "AVIF"),
        encoded(deep, "PNG"),
        encoded(deep, "TIFF"),
        encoded(Image.fromarray(np.linspace(-1, 2, 2304, dtype=np.float32).reshape(48, 48)), "TIFF"),
        *(encoded(image, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
        encoded(image, "ICO", sizes=[(48, 48), (16, 16)]),
        HEIC,
        JXL,
    ]


def mutated(content: bytes, seed: int) -> bytes:
    """The file with one to four mutations; the seed decides them."""
    rng = np.random.default_rng(seed)
    out = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        _MUTATIONS[int(rng.integers(len(_MUTATIONS)))](out, rng)
    return bytes(out)


def _place(out: bytearray, rng: np.random.Generator) -> int:
    """A place in the file: in half of all cases in its first 200 bytes, where headers are."""
    end = max(1, len(out))
    return int(rng.integers(min(end, 200) if rng.random() < 0.5 else end))


def _flip(out: bytearray, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(1, 9))):
        if out:
            out[_place(out, rng)] ^= 1 << int(rng.integers(8))


def _cut(out: bytearray, rng: np.random.Generator) -> None:
    del out[_place(out, rng) :]


def _drop(out: bytearray, rng: np.random.Generator) -> None:
    at = _place(out, rng)
    del out[at : at + int(rng.integers(1, 64))]


def _double(out: bytearray, rng: np.random.Generator) -> None:
    at, size = _place(out, rng), int(rng.integers(1, 256))
    out[at:at] = out[at : at + size] * int(rng.integers(1, 4))


def _rubbish(out: bytearray, rng: np.random.Generator) -> None:
    at, size = _place(out, rng), int(rng.integers(1, 64))
    out[at : at + size] = rng.integers(0, 256, size, dtype=np.uint8).tobytes()


def _number(out: bytearray, rng: np.random.Generator) -> None:
    at, value = _place(out, rng), _ODD[int(rng.integers(len(_ODD)))]
    form = ("B", "<H", ">H", "<I", ">I")[int(rng.integers(5))]
    written = struct.pack(form, value % 256 ** struct.calcsize(form))
    out[at : at + len(written)] = written


def _swap(out: bytearray, rng: np.random.Generator) -> None:
    at, other, size = _place(out, rng), _place(out, rng), int(rng.integers(1, 64))
    out[at : at + size], out[other : other + size] = out[other : other + size], out[at : at + size]


_MUTATIONS: tuple[Callable[[bytearray, np.random.Generator], None], ...] = (
    _flip,
    _cut,
    _drop,
    _double,
    _rubbish,
    _number,
    _number,
    _swap,
)


def outcome(content: bytes) -> str:
    """Reads all pictures of a file: `read`, or the kind of reason. Whatever else is raised goes through."""
    try:
        file = PictureFile(content, Reading(frames="all", max_pixels=LIMIT))
        for number in file.numbers():
            image = file.picture(number).image
            assert image.mode in ("L", "RGB")
            assert image.width * image.height <= LIMIT
    except ImageError as error:
        return str(error).partition(" (")[0].partition(":")[0] or "no reason"
    return "read"


def _peak_mb() -> float:
    """High-water mark of this process; that of `getrusage` begins with what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


def main() -> None:
    """Reads many mutated files and prints what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    kept, found, longest = originals(), Counter[str](), (0.0, -1)
    for seed in range(asked.first, asked.first + asked.count):
        start = time.process_time()
        found[outcome(mutated(kept[seed % len(kept)], seed))] += 1
        longest = max(longest, (time.process_time() - start, seed))
    peak = _peak_mb()
    lines = [f"{count:7,} {reason}" for reason, count in found.most_common(12)]
    text = io.StringIO()
    print(
        *lines,
        f"{asked.count:,} files of {len(kept)} kinds; longest {longest[0]:.2f} s (seed {longest[1]}); peak {peak:,.0f} MB",
        sep="\n",
        file=text,
    )
    import sys

    sys.stdout.write(text.getvalue())


if __name__ == "__main__":
    main()
