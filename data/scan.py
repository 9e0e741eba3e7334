"""A folder of images as a corpus.

Which folders are splits and classes is recognised (`data.layouts`); an id is the file's path within the folder. What machines leave in
folders (thumbnails of a network drive, resource forks, bins), hidden files and what the user excludes are passed over.

Every file is decoded once here, so that what cannot be read is known, with its reason, before any work starts.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from samekind.core.errors import CorpusError, ImageError
from samekind.core.progress import NoProgress, Progress
from samekind.data.decode import decode_image, worker_threads
from samekind.data.layouts.class_names import composed, composed_ids
from samekind.data.layouts.folder_choices import FolderChoices
from samekind.data.layouts.labels.given_labels import absolute_labels
from samekind.data.layouts.passed_over import EXCLUDED, why_passed_over
from samekind.data.layouts.read_layout import Located, read_layout
from samekind.data.layouts.recognise import Parts, beside_images
from samekind.data.types.images import NO_IMAGE, ImageReference, SkippedFile, is_grey
from samekind.data.types.splits import Split, stable_split

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")

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


@dataclass
class _Found:
    """Files of a folder while it is read: those that may be images, those that are none, and what is left out."""

    root: Path
    exclude: tuple[str, ...]
    candidates: list[Path] = field(default_factory=list)
    others: list[Located] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    passed_over: list[SkippedFile] = field(default_factory=list)

    def skip(self, file: Path, reason: str) -> None:
        self.skipped.append(SkippedFile(_printable(file.relative_to(self.root)), reason))

    def passes_over(self, path: Path, *, is_folder: bool) -> bool:
        inner = path.relative_to(self.root)
        reason = why_passed_over(_parts(inner), self.exclude, is_folder=is_folder)
        if reason is not None:
            self.passed_over.append(SkippedFile(_printable(inner) + "/" * is_folder, reason))
        return reason is not None


def scan_folder(
    path: str | Path, seed: int = 0, progress: Progress | None = None, how: FolderChoices | None = None
) -> ScannedFolder:
    """Reads a folder of images, nested folders included.

    Args:
        path: the folder. Hidden files are passed over; symbolic links are followed, each folder once.
        seed: of the split that is made where the folder names none.
        progress: shows a bar while the files are decoded.
        how: the user's choices on reading it.

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
    found = _Found(root, how.exclude)
    _walk(found)
    if how.layout not in ("folders", "flat"):
        _leave_out_beside(found)
    references = _read_all(found, progress)
    if not references:
        raise CorpusError(_nothing_found(found), hint=f"expected files that end in {' '.join(EXTENSIONS)}")
    inner = [reference.path.relative_to(root) for reference in references if reference.path is not None]
    read = read_layout(root, [_parts(file) for file in inner], found.others, how)
    ids = composed_ids([_printable(file) for file in inner])
    splits = read.splits or stable_split(ids, read.labels, seed)
    return ScannedFolder(
        root,
        ids,
        references,
        splits,
        read.labels,
        tuple(found.skipped),
        read.layout,
        (read.read_as, *read.notes, *_unused(found)),
        tuple(found.passed_over),
        how,
        read.label_rule,
    )


def _walk(found: _Found) -> None:
    """Sorts every file below the root into images by name and others, in a fixed order; a folder reached twice through links is entered
    once.
    """

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
            if found.passes_over(file, is_folder=False):
                continue
            if file.suffix.lower() in EXTENSIONS:
                found.candidates.append(file)
            else:
                found.others.append((_parts(file.relative_to(found.root)), file))
                found.skip(file, f"{NO_IMAGE} ({file.suffix or 'no extension'})")


def _leave_out_beside(found: _Found) -> None:
    """Passes over masks and maps that lie beside the images."""
    inner = [file.relative_to(found.root) for file in found.candidates]
    reasons = beside_images([_parts(file) for file in inner])
    found.passed_over += [SkippedFile(_printable(inner[row]), reason) for row, reason in reasons.items()]
    found.candidates = [file for row, file in enumerate(found.candidates) if row not in reasons]


def _unused(found: _Found) -> list[str]:
    """A line on patterns of `--exclude` that fit nothing."""
    reasons = {file.reason for file in found.passed_over if file.reason.startswith(EXCLUDED)}
    used = {pattern for reason in reasons for pattern in reason.removeprefix(EXCLUDED).split(", ")}
    idle = [pattern for pattern in found.exclude if pattern not in used]
    return [f"nothing is excluded by {', '.join(idle)}"] if idle else []


def _read_all(found: _Found, progress: Progress | None) -> list[ImageReference]:
    """References to the readable files, by id; the others are skipped."""
    files = found.candidates
    references = []
    with (
        ThreadPoolExecutor(worker_threads()) as pool,
        (progress or NoProgress()).task("Reading images", len(files)) as task,
    ):
        for start in range(0, len(files), _CHUNK):  # in chunks, so that Ctrl-C does not wait for all of them
            chunk = files[start : start + _CHUNK]
            for file, result in zip(chunk, pool.map(_reference_or_reason, chunk), strict=True):
                if isinstance(result, str):
                    found.skip(file, result)
                else:
                    references.append(result)
            task.advance(len(chunk))
    return sorted(references, key=lambda reference: reference.uri)


def _reference_or_reason(file: Path) -> ImageReference | str:
    if not file.is_file():  # before opening it: a named pipe would wait for ever
        return "not a regular file" if file.exists() else "a link to nowhere"
    try:
        encoded = file.read_bytes()
        image = decode_image(encoded)
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    except ImageError as error:
        return str(error)
    return ImageReference(_printable(file), hashlib.sha256(encoded).hexdigest(), _is_grey(image), path=file)


def _is_grey(image: Image.Image) -> bool:
    """True if no pixel has colour. A coarse pass first: it decides nearly every colour photo without touching all of its pixels."""
    if image.mode == "L":
        return True
    coarse = image.resize((min(64, image.width), min(64, image.height)), Image.Resampling.NEAREST)
    return all(is_grey(np.asarray(pixels)) for pixels in (coarse, image))


def _printable(path: Path) -> str:
    """The path with `/`, and bytes that are not UTF-8 escaped: ids must survive JSON and the table."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _parts(path: Path) -> Parts:
    """The path within the corpus in parts, each in NFC and printable."""
    return tuple(composed(_printable(Path(part))) for part in path.parts)


def _nothing_found(found: _Found) -> str:
    root, skipped = found.root, [*found.skipped, *(file for file in found.passed_over if file.reason != "hidden")]
    if not skipped:
        return f"{root} is empty: it holds no image"
    reasons = "; ".join(
        f"{count} × {reason}" for reason, count in Counter(file.reason for file in skipped).most_common(4)
    )
    files = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
    return f"{root} holds no readable image: {files} looked at and left out ({reasons})"
