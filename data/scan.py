"""A folder of images as a corpus.

Which folders are splits and classes is recognised (`data.layouts`); an id is the file's path within the folder. What machines leave in
folders (thumbnails of a network drive, resource forks, bins), hidden files and what the user excludes are passed over.

Every file is decoded once here, so that what cannot be read is known, with its reason, before any work starts. What is an image, its
content decides (`data.decoding`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from samekind.core.errors import CorpusError
from samekind.core.progress import NoProgress, Progress
from samekind.data.decode import worker_threads
from samekind.data.decoding.files import EXTENSIONS, is_placeholder
from samekind.data.decoding.remembered import read_once
from samekind.data.layouts.class_names import composed, composed_ids
from samekind.data.layouts.folder_choices import FolderChoices
from samekind.data.layouts.labels.given_labels import absolute_labels
from samekind.data.layouts.passed_over import EXCLUDED, HIDDEN, why_passed_over
from samekind.data.layouts.read_layout import Located, read_layout
from samekind.data.layouts.recognise import Parts, beside_images
from samekind.data.types.images import NO_IMAGE, ImageReference, SkippedFile
from samekind.data.types.reading import DeepRange, Reading, common_depth, depth_note
from samekind.data.types.splits import Split, stable_split_by_file

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
        layout: how the folder was read, one of `LAYOUTS`.
        notes: lines for people; the first says what was understood.
        passed_over: files and folders that were not looked at, with the reason.
        how: the choices by which it was read.
        label_rule: when images of several labels are of the same class; empty if none has several.
        reading: how the files are read, with the one depth of all that are deep.
    """

    root: Path
    ids: list[str]
    references: list[ImageReference]
    splits: list[Split]
    labels: list[str | None] | None
    skipped: tuple[SkippedFile, ...]
    layout: str
    notes: tuple[str, ...]
    passed_over: tuple[SkippedFile, ...]
    how: FolderChoices
    label_rule: str = ""
    reading: Reading = field(default_factory=Reading)


@dataclass
class _Found:
    """Files of a folder while it is read: those that may be images, those that are none, and what is left out; the values of deep pictures,
    and how many files have several.
    """

    root: Path
    exclude: tuple[str, ...]
    candidates: list[Path] = field(default_factory=list)
    others: list[Located] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    passed_over: list[SkippedFile] = field(default_factory=list)
    deep: list[DeepRange] = field(default_factory=list)
    several: int = 0

    def skip(self, file: Path, frame: int | None, reason: str) -> None:
        inner = file.relative_to(self.root)
        if frame is None and reason.startswith(NO_IMAGE):
            self.others.append((_parts(inner), file))
        self.skipped.append(SkippedFile(_numbered(_printable(inner), frame), reason))

    def left_out(self, read: Sequence[str]) -> list[SkippedFile]:
        """What was skipped, without files of labels and lists that were read; `read` has their paths, and folders with a `/`."""
        files, folders = {name for name in read if name[-1] != "/"}, tuple(name for name in read if name[-1] == "/")
        names = {"/".join(parts): file for parts, file in self.others}
        used = {file for name, file in names.items() if name in files or name.startswith(folders)}
        paths = {_printable(file.relative_to(self.root)) for file in used}
        return [file for file in self.skipped if file.path not in paths]

    def passes_over(self, path: Path, *, is_folder: bool) -> bool:
        inner = path.relative_to(self.root)
        reason = why_passed_over(_parts(inner), self.exclude, is_folder=is_folder)
        if (
            reason == HIDDEN and not is_folder and is_placeholder(path.name)
        ):  # iCloud's are hidden, and named as what they are, unless the image that they stand for is excluded
            stands_for = inner.with_name(inner.stem.removeprefix("."))
            reason = why_passed_over(_parts(stands_for), self.exclude, is_folder=False)
        if reason is not None:
            self.passed_over.append(SkippedFile(_printable(inner) + "/" * is_folder, reason))
        return reason is not None


def scan_folder(
    path: str | Path,
    seed: int = 0,
    progress: Progress | None = None,
    how: FolderChoices | None = None,
    reading: Reading | None = None,
) -> ScannedFolder:
    """Reads a folder of images, nested folders included.

    Args:
        path: the folder. Hidden files are passed over; symbolic links are followed, each folder once.
        seed: of the split that is made where the folder names none.
        progress: shows a bar while the files are decoded.
        how: the user's choices on reading it.
        reading: which pictures of a file, and how; where it says nothing of the depth of deep ones, one is decided for all.

    Raises:
        CorpusError: the folder is missing, holds no readable image (says how many files were looked at and why they were left out), or is
            not laid out as asked for.
        InputError: the file of labels is missing or unreadable.
    """
    root, how = Path(path).expanduser(), how or FolderChoices()
    if not root.is_dir():
        what = "is a file, expected a folder of images" if root.exists() else "does not exist"
        raise CorpusError(f"{root} {what}", hint="pass the path of a folder of images")
    root = root.resolve()
    if how.labels is not None:
        how = replace(how, labels=absolute_labels(how.labels, root))
    found, reading = _Found(root, how.exclude), reading or Reading()
    _walk(found)
    if how.layout not in ("folders", "flat"):
        _leave_out_beside(found)
    references = _read_all(found, reading, progress)
    if not references:
        hint = "expected JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP, JPEG 2000, PNM, or with their extras HEIC, JPEG XL and raw files"
        raise CorpusError(_nothing_found(found), hint=hint)
    inner = [reference.path.relative_to(root) for reference in references if reference.path is not None]
    unique = list(
        dict.fromkeys(inner)
    )  # a file of several pictures stands there once for each; lists and tables name the file
    read = read_layout(root, [_parts(file) for file in unique], found.others, how)
    row_of = {file: row for row, file in enumerate(unique)}
    labels = None if read.labels is None else [read.labels[row_of[file]] for file in inner]
    listed = None if read.splits is None else [read.splits[row_of[file]] for file in inner]
    name_of = dict(zip(unique, composed_ids([_printable(file) for file in unique]), strict=True))
    files = [name_of[file] for file in inner]
    ids = [_numbered(file, reference.frame) for file, reference in zip(files, references, strict=True)]
    splits = listed or stable_split_by_file(files, labels, seed)
    if reading.depth is None and found.deep:
        reading = replace(reading, depth=common_depth(found.deep))
    return ScannedFolder(
        root,
        ids,
        references,
        splits,
        labels,
        tuple(found.left_out(read.files)),
        read.layout,
        (read.read_as, *read.notes, *_unused(found), *_notes(reading, found)),
        tuple(found.passed_over),
        how,
        read.label_rule,
        reading,
    )


def _notes(reading: Reading, found: _Found) -> tuple[str, ...]:
    """What a reader of the folder should know of how its files were read, one line each."""
    notes = []
    if found.several and reading.frames == "first":
        has = "1 file has" if found.several == 1 else f"{found.several:,} files have"
        notes.append(f"{has} more than one picture: the first is read (--frames all reads each)")
    if found.deep and reading.depth is not None:
        notes.append(depth_note(found.deep, reading.depth))
    return tuple(notes)


def _walk(found: _Found) -> None:
    """Every file below the root that is not passed over, in a fixed order; a folder reached twice through links is entered once."""

    def refused(error: OSError) -> None:
        found.skipped.append(SkippedFile(str(error.filename), f"the folder cannot be read ({error.strerror})"))

    entered: set[str] = set()
    for folder, subfolders, files in os.walk(found.root, onerror=refused, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            subfolders.clear()
            continue
        entered.add(real)
        subfolders[:] = [
            name for name in sorted(subfolders) if not found.passes_over(Path(folder, name), is_folder=True)
        ]
        for file in (Path(folder, name) for name in sorted(files)):
            if not found.passes_over(file, is_folder=False):
                found.candidates.append(file)


def _leave_out_beside(found: _Found) -> None:
    """Passes over masks and maps that lie beside the images; which files are images is told by their names as yet."""
    images = [file for file in found.candidates if file.suffix.lower() in EXTENSIONS]
    reasons = beside_images([_parts(file.relative_to(found.root)) for file in images])
    beside = {images[row]: reason for row, reason in reasons.items()}
    found.passed_over += [SkippedFile(_printable(file.relative_to(found.root)), why) for file, why in beside.items()]
    found.candidates = [file for file in found.candidates if file not in beside]


def _unused(found: _Found) -> list[str]:
    """A line on patterns of `--exclude` that fit nothing."""
    reasons = {file.reason for file in found.passed_over if file.reason.startswith(EXCLUDED)}
    used = {pattern for reason in reasons for pattern in reason.removeprefix(EXCLUDED).split(", ")}
    idle = [pattern for pattern in found.exclude if pattern not in used]
    return [f"nothing is excluded by {', '.join(idle)}"] if idle else []


def _read_all(found: _Found, reading: Reading, progress: Progress | None) -> list[ImageReference]:
    """References to the readable images, by id; the rest goes to `found`."""
    files, names = found.candidates, set(map(str, found.candidates))
    references = []
    with (
        ThreadPoolExecutor(worker_threads()) as pool,
        (progress or NoProgress()).task("Reading images", len(files)) as task,
    ):
        for start in range(0, len(files), _CHUNK):  # in chunks, so that Ctrl-C does not wait for all of them
            chunk = files[start : start + _CHUNK]
            for file, read in zip(chunk, pool.map(lambda each: read_once(each, reading), chunk), strict=True):
                taken = {
                    frame for frame, *_ in read.images if frame is not None and _numbered(str(file), frame) in names
                }
                for number in taken:
                    found.skip(file, number, "a file is called so")
                for frame, reason in read.failures:
                    found.skip(file, frame, reason)
                found.several += read.several
                found.deep += read.deep
                references += [
                    ImageReference(_numbered(_printable(file), frame), sha256, grey, path=file, frame=frame)
                    for frame, sha256, grey in read.images
                    if frame not in taken
                ]
            task.advance(len(chunk))
    return sorted(references, key=lambda reference: (_printable(reference.path or found.root), reference.frame or 0))


def _numbered(name: str, frame: int | None) -> str:
    return name if frame is None else f"{name}#{frame}"


def _printable(path: Path) -> str:
    """The path with `/`, and bytes that are not UTF-8 escaped: ids must survive JSON and the table."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _parts(path: Path) -> Parts:
    """The path within the corpus in parts, each in NFC and printable."""
    return tuple(composed(_printable(Path(part))) for part in path.parts)


def _nothing_found(found: _Found) -> str:
    root, skipped = found.root, [*found.skipped, *(file for file in found.passed_over if file.reason != HIDDEN)]
    if not skipped:
        return f"{root} is empty: it holds no image"
    reasons = "; ".join(
        f"{count} × {reason}" for reason, count in Counter(file.reason for file in skipped).most_common(4)
    )
    files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    return f"{root} holds no readable image: {files} looked at and left out ({reasons})"
