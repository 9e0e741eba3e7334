"""A folder of images as a corpus.

`folder/<class>/<image>` is labelled, a flat folder is not; images that lie loose beside class folders have no label, and whatever is
nested deeper belongs to the first folder's class. If every top-level folder with images is called train, validation or test (or a usual
other name of these), these are the splits; otherwise a seeded split of about 80/20 is made. An id is the file's path within the folder.

Every file is decoded once here, so that what cannot be read is known, with its reason, before any work starts. What is an image, its
content decides (`data.decoding`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from samekind.core.errors import CorpusError
from samekind.core.progress import NoProgress, Progress
from samekind.core.text import counted
from samekind.data.decode import worker_threads
from samekind.data.decoding.files import is_placeholder, read_file
from samekind.data.types.images import ImageReference, SkippedFile
from samekind.data.types.reading import DeepRange, Reading, common_depth, depth_text
from samekind.data.types.splits import SPLIT_NAMES, Split, stable_split

_CHUNK = 256


@dataclass(frozen=True)
class ScannedFolder:
    """The readable images of a folder, in the order of their ids; the fields are those of a `Corpus`.

    Attributes:
        root: the folder, absolute.
        ids: path of each image within the folder.
        references: location and content hash of each image.
        splits: as the folder names them, or seeded.
        labels: class folder of each image, `None` where it has none; `None` as a whole if no image has one.
        skipped: files that were left out, with the reason.
        reading: how the files are read, with the one depth of all that are deep.
        notes: what was decided in reading, a line each.
    """

    root: Path
    ids: list[str]
    references: list[ImageReference]
    splits: list[Split]
    labels: list[str | None] | None
    skipped: tuple[SkippedFile, ...]
    reading: Reading = field(default_factory=Reading)
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    """What a scan comes across beside images."""

    skipped: list[SkippedFile] = field(default_factory=list)
    deep: list[DeepRange] = field(default_factory=list)
    several: int = 0


def scan_folder(
    path: str | Path, seed: int = 0, progress: Progress | None = None, reading: Reading | None = None
) -> ScannedFolder:
    """Reads a folder of images, nested folders included.

    Args:
        path: the folder. Hidden files are passed over; symbolic links are followed, each folder once.
        seed: of the split that is made where the folder names none.
        progress: shows a bar while the files are decoded.
        reading: which pictures of a file, and how; where it says nothing of the depth of deep ones, one is decided for all.

    Raises:
        CorpusError: the folder is missing or holds no readable image; says how many files were looked at and why they were left out.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        what = "is a file, expected a folder of images" if root.exists() else "does not exist"
        raise CorpusError(f"{root} {what}", hint="pass the path of a folder of images")
    root = root.resolve()
    how, found = reading or Reading(), _Found()
    references = _read_all(list(_walk(root, found.skipped)), root, how, found, progress)
    if not references:
        hint = "expected JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP, JPEG 2000, PNM, or with their extras HEIC, JPEG XL and raw files"
        raise CorpusError(_nothing_found(root, found.skipped), hint=hint)
    inner = [reference.path.relative_to(root) for reference in references if reference.path is not None]
    labels, named_splits = _labels_and_splits(inner)
    files = [_printable(file) for file in inner]
    ids = [_numbered(file, reference.frame) for file, reference in zip(files, references, strict=True)]
    splits = named_splits or _split_by_file(files, labels, seed)
    how = how if how.depth is not None or not found.deep else replace(how, depth=common_depth(found.deep))
    return ScannedFolder(root, ids, references, splits, labels, tuple(found.skipped), how, _notes(how, found))


def _split_by_file(files: Sequence[str], labels: Sequence[str | None] | None, seed: int) -> list[Split]:
    """A seeded split in which the pictures of one file stay together."""
    rows = {file: row for row, file in reversed(list(enumerate(files)))}
    splits = stable_split(list(rows), None if labels is None else [labels[row] for row in rows.values()], seed)
    split_of = dict(zip(rows, splits, strict=True))
    return [split_of[file] for file in files]


def _notes(reading: Reading, found: _Found) -> tuple[str, ...]:
    """What a reader of the folder should know of how its files were read, one line each."""
    notes = []
    if found.several and reading.frames == "first":
        has = "1 file has" if found.several == 1 else f"{found.several:,} files have"
        notes.append(f"{has} more than one picture: the first is read (--frames all reads each)")
    if found.deep and reading.depth is not None:
        most = max(values.high for values in found.deep)
        what = counted(len(found.deep), "picture")
        notes.append(f"{what} of more than 8 bits: read as {depth_text(reading.depth)} (greatest value {most:,g})")
    return tuple(notes)


def _walk(root: Path, skipped: list[SkippedFile]) -> Iterator[Path]:
    """Every file below `root` in a fixed order, without hidden ones (placeholders of a cloud are hidden, and named); a folder reached twice
    through links is entered once.
    """

    def refused(error: OSError) -> None:
        skipped.append(SkippedFile(str(error.filename), f"the folder cannot be read ({error.strerror})"))

    entered: set[str] = set()
    for folder, subfolders, files in os.walk(root, onerror=refused, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name != "__MACOSX")
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith(".") or is_placeholder(name))


def _read_all(
    files: Sequence[Path], root: Path, reading: Reading, found: _Found, progress: Progress | None
) -> list[ImageReference]:
    """References to the readable images, by id; the rest goes to `found`."""
    references = []
    with (
        ThreadPoolExecutor(worker_threads()) as pool,
        (progress or NoProgress()).task("Reading images", len(files)) as task,
    ):
        for start in range(0, len(files), _CHUNK):  # in chunks, so that Ctrl-C does not wait for all of them
            chunk = files[start : start + _CHUNK]
            for file, read in zip(chunk, pool.map(lambda each: read_file(each, reading), chunk), strict=True):
                inner, name = _printable(file.relative_to(root)), _printable(file)
                found.skipped += [SkippedFile(_numbered(inner, frame), reason) for frame, reason in read.failures]
                found.several += read.several
                found.deep += read.deep
                references += [
                    ImageReference(_numbered(name, frame), sha256, grey, path=file, frame=frame)
                    for frame, sha256, grey in read.images
                ]
            task.advance(len(chunk))
    return sorted(references, key=lambda reference: (_printable(reference.path or root), reference.frame or 0))


def _numbered(name: str, frame: int | None) -> str:
    return name if frame is None else f"{name}#{frame}"


def _labels_and_splits(files: Sequence[Path]) -> tuple[list[str | None] | None, list[Split] | None]:
    """Labels, and splits if the top-level folders name them, for paths relative to the corpus's folder."""
    top = {file.parts[0] for file in files if len(file.parts) > 1}
    are_splits = bool(top) and all(name.lower() in SPLIT_NAMES for name in top)
    below = [file.parts[1:] if are_splits and len(file.parts) > 1 else file.parts for file in files]
    labels = [_printable(Path(parts[0])) if len(parts) > 1 else None for parts in below]
    splits: list[Split] | None = None
    if are_splits:
        splits = [SPLIT_NAMES.get(file.parts[0].lower(), "train") if len(file.parts) > 1 else "train" for file in files]
    return (labels if any(label is not None for label in labels) else None), splits


def _printable(path: Path) -> str:
    """The path with `/`, and bytes that are not UTF-8 escaped: ids must survive JSON and the table."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _nothing_found(root: Path, skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return f"{root} is empty: it holds no image"
    reasons = "; ".join(
        f"{count} × {reason}" for reason, count in Counter(file.reason for file in skipped).most_common(4)
    )
    files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    return f"{root} holds no readable image: {files} looked at and left out ({reasons})"
