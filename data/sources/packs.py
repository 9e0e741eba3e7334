"""Packs: many encoded images in one `.npz` file, with labels and splits.

A pack holds `jpeg` (the bytes of all files end to end, any format Pillow knows), `offsets` (N + 1 positions in it), and optionally
`label` (N class numbers, negative for none), `classes` (their names) and `split` (N names).

Decoding 60,000 small files takes a quarter of a minute, and threads do not help with those; so the pixels of a pack whose images are all of
one shape are kept in the cache, under the SHA-256 of the encoded bytes and offsets.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samekind.core.cache_home import cache_home
from samekind.core.cache_limit import cache_limit, held_bytes
from samekind.core.errors import CorpusError, ImageError
from samekind.core.files import atomic_path
from samekind.core.progress import NoProgress, Progress
from samekind.data.corpus import Corpus, numbered_ids
from samekind.data.decode import to_pixels, worker_threads
from samekind.data.decoding.pictures import PictureFile
from samekind.data.types.images import Pixels, SkippedFile
from samekind.data.types.reading import DeepRange, Reading, common_depth, depth_note
from samekind.data.types.splits import SPLIT_NAMES, Split

_CHUNK = 2048
_WORTH_KEEPING = 5_000  # images
_WORTH_A_THREAD = 16_384  # bytes an image: below, threads wait for the interpreter lock rather than decode


@dataclass(frozen=True)
class _Decoded:
    """Pictures by row, what was left out, how they were read, and the values of those of more than 8 bits."""

    images: dict[int, Pixels]
    skipped: tuple[SkippedFile, ...]
    reading: Reading
    deep: tuple[DeepRange, ...] = ()


def is_pack(path: Path) -> bool:
    """True if the file is an `.npz` that holds a pack."""
    try:
        with np.load(path, allow_pickle=False) as pack:
            return {"jpeg", "offsets"} <= set(pack.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError):  # AttributeError: a lone .npy array
        return False


def pack_classes(path: Path) -> tuple[str, ...]:
    """The class names of a pack, possibly none; of one that is damaged none."""
    try:
        with np.load(path, allow_pickle=False) as pack:
            return tuple(str(name) for name in pack["classes"]) if "classes" in pack.files else ()
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return ()


def read_pack(
    path: Path,
    name: str | None = None,
    source: dict[str, Any] | None = None,
    progress: Progress | None = None,
    reading: Reading | None = None,
) -> Corpus:
    """Decodes a whole pack into memory; images that cannot be decoded are skipped and listed. Pictures of more than 8 bits get one depth.

    Args:
        path: the `.npz` file.
        name: of the corpus; the file's stem if left out.
        source: arguments of `load_corpus` that load it again; the path if left out.
        progress: shows a bar.
        reading: how its pictures are read; where it says nothing of the depth of deep ones, one is decided for all.

    Raises:
        CorpusError: the file is no pack, or holds no readable image.
    """
    rows, labels, splits = _open(path)
    decoded = _decode_or_recall(rows, path, reading or Reading(), progress)
    images, skipped, reading = decoded.images, decoded.skipped, decoded.reading
    kept = sorted(images)
    if not kept:
        raise CorpusError(f"{path} holds no readable image ({len(skipped)} were looked at)")
    ids = numbered_ids(splits)
    corpus = Corpus.from_arrays(
        [images[i] for i in kept],
        None if labels is None else [labels[i] for i in kept],
        [splits[i] for i in kept],
        ids=[ids[i] for i in kept],
        name=name or path.stem,
        source=source or {"corpus": str(path.resolve()), "data_dir": None, "limit": None},
    )
    notes = (depth_note(decoded.deep, reading.depth),) if decoded.deep and reading.depth is not None else ()
    for note in notes:
        (progress or NoProgress()).print(note)
    return replace(corpus, skipped=skipped, reading=reading, notes=notes)


def _open(path: Path) -> tuple[list[bytes], list[str | None] | None, list[Split]]:
    """Encoded images, labels and splits of a pack, all of one length."""
    if not is_pack(path):
        raise CorpusError(
            f"{path} is not a pack of images", hint="a pack is an .npz file with the arrays 'jpeg' and 'offsets'"
        )
    try:
        with np.load(path, allow_pickle=False) as pack:
            encoded, offsets = pack["jpeg"], pack["offsets"].astype(np.int64, casting="safe")
            count = len(offsets) - 1
            labels = _labels(pack["label"], pack["classes"]) if {"label", "classes"} <= set(pack.files) else None
            split_names = pack["split"].tolist() if "split" in pack.files else ["train"] * count
    except Exception as error:  # NumPy's parsers raise nearly anything on damaged or foreign arrays
        raise CorpusError(
            f"{path} cannot be read: {' '.join(str(error).split())[:120]}",
            hint="a pack holds plain arrays: jpeg (bytes), offsets and label (whole numbers), classes and split (texts)",
        ) from error
    splits = _splits(split_names, path)
    if len(splits) != count or (labels is not None and len(labels) != count):
        raise CorpusError(
            f"{path} is inconsistent: {count} images, {len(splits)} splits, {len(labels or splits)} labels"
        )
    return [encoded[offsets[i] : offsets[i + 1]].tobytes() for i in range(count)], labels, splits


def _decode_or_recall(rows: list[bytes], path: Path, reading: Reading, progress: Progress | None) -> _Decoded:
    """The decoded rows, from the cache if they were decoded before. Deep pictures are never kept: which depth they get is a decision."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(len(row).to_bytes(8, "little") + row)
    digest.update(b"" if reading == Reading() else repr(reading).encode())
    kept = cache_home() / "packs" / f"{digest.hexdigest()[:32]}.npy"
    try:
        recalled = np.load(kept, allow_pickle=False)
        if recalled.dtype == np.uint8 and len(recalled) == len(rows):
            with contextlib.suppress(
                OSError
            ):  # a cache that can only be read; `touch` would put an empty file where it has gone
                os.utime(kept)  # the least recently used goes first
            return _Decoded(dict(enumerate(recalled)), (), reading)
    except (OSError, ValueError, EOFError):
        pass  # not there, or damaged: decode
    decoded = _decode_all(rows, path, reading, progress)
    images, skipped, deep = decoded.images, decoded.skipped, decoded.deep
    alike = not skipped and not deep and len({pixels.shape for pixels in images.values()}) == 1
    if len(rows) >= _WORTH_KEEPING and alike:
        _keep(np.stack([images[i] for i in range(len(rows))]), kept)
    return decoded


def _keep(pixels: Pixels, target: Path) -> None:
    """Writes the pixels so that they appear whole; a cache that cannot be written, or may not grow, is no error."""
    with contextlib.suppress(OSError):
        if not _makes_room(pixels.nbytes, target.parent):
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(target) as temporary, temporary.open("wb") as file:
            np.save(file, pixels, allow_pickle=False)


def _makes_room(size: int, folder: Path) -> bool:
    """True if the cache may take that many bytes more, if need be after the packs that were not used for longest have been deleted.

    Other arrays stay: somebody may be reading them.
    """
    held = held_bytes()
    limit = cache_limit(held)
    packs = {file: file.stat() for file in folder.glob("*.npy")}
    oldest = sorted(packs, key=lambda file: packs[file].st_mtime)
    if held - sum(status.st_size for status in packs.values()) + size > limit:
        return False
    while held + size > limit:
        held -= packs[oldest[0]].st_size
        oldest.pop(0).unlink(missing_ok=True)
    return True


def _decode_all(rows: list[bytes], path: Path, reading: Reading, progress: Progress | None) -> _Decoded:
    images: dict[int, Pixels] = {}
    deep: dict[int, DeepRange] = {}
    skipped = []
    threads = worker_threads() if sum(map(len, rows)) > len(rows) * _WORTH_A_THREAD else 1
    with (
        ThreadPoolExecutor(threads) as pool,
        (progress or NoProgress()).task(f"Decoding {path.name}", len(rows)) as task,
    ):
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            results = (pool.map if threads > 1 else map)(partial(_decode_or_reason, reading), chunk)
            for i, result in enumerate(results, start):
                if isinstance(result, str):
                    skipped.append(SkippedFile(f"{path.name}[{i}]", result))
                else:
                    images[i], values = result
                    deep |= {} if values is None else {i: values}
            task.advance(len(chunk))
    if deep and reading.depth is None:  # known only now: the deep ones are read again
        reading = replace(reading, depth=common_depth(deep.values()))
        for i in deep:
            again = _decode_or_reason(reading, rows[i])
            assert not isinstance(again, str)
            images[i] = again[0]
    return _Decoded(images, tuple(skipped), reading, tuple(deep.values()))


def _decode_or_reason(reading: Reading, encoded: bytes) -> tuple[Pixels, DeepRange | None] | str:
    try:
        picture = PictureFile(encoded, reading).picture(1)
    except ImageError as error:
        return str(error)
    return to_pixels(picture.image), picture.deep


def _labels(codes: Any, classes: Any) -> list[str | None]:
    return [str(classes[code]) if 0 <= code < len(classes) else None for code in codes.tolist()]


def _splits(names: list[Any], path: Path) -> list[Split]:
    unknown = sorted({str(name) for name in names if str(name).lower() not in SPLIT_NAMES})
    if unknown:
        raise CorpusError(f"{path} names the splits {', '.join(unknown)}", hint="expected train, validation and test")
    return [SPLIT_NAMES[str(name).lower()] for name in names]
