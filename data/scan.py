"""A folder of images as a corpus.

`folder/<class>/<image>` is labelled, a flat folder is not; images that lie loose beside class folders have no label, and whatever is
nested deeper belongs to the first folder's class. If every top-level folder with images is called train, validation or test (or a usual
other name of these), these are the splits; otherwise a seeded split of about 80/20 is made. An id is the file's path within the folder.

Every file is decoded once here, so that what cannot be read is known, with its reason, before any work starts.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from samekind.core.errors import CorpusError, ImageError
from samekind.core.progress import NoProgress, Progress
from samekind.data.decode import decode_image, worker_threads
from samekind.data.types.images import ImageReference, SkippedFile, is_grey
from samekind.data.types.splits import SPLIT_NAMES, Split, stable_split

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
    """

    root: Path
    ids: list[str]
    references: list[ImageReference]
    splits: list[Split]
    labels: list[str | None] | None
    skipped: tuple[SkippedFile, ...]


def scan_folder(path: str | Path, seed: int = 0, progress: Progress | None = None) -> ScannedFolder:
    """Reads a folder of images, nested folders included.

    Args:
        path: the folder. Hidden files are passed over; symbolic links are followed, each folder once.
        seed: of the split that is made where the folder names none.
        progress: shows a bar while the files are decoded.

    Raises:
        CorpusError: the folder is missing or holds no readable image; says how many files were looked at and why they were left out.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        what = "is a file, expected a folder of images" if root.exists() else "does not exist"
        raise CorpusError(f"{root} {what}", hint="pass the path of a folder of images")
    root = root.resolve()
    skipped: list[SkippedFile] = []
    references = _read_all(_candidates(root, skipped), root, skipped, progress)
    if not references:
        raise CorpusError(_nothing_found(root, skipped), hint=f"expected files that end in {' '.join(EXTENSIONS)}")
    inner = [reference.path.relative_to(root) for reference in references if reference.path is not None]
    labels, named_splits = _labels_and_splits(inner)
    ids = [_printable(file) for file in inner]
    splits = named_splits or stable_split(ids, labels, seed)
    return ScannedFolder(root, ids, references, splits, labels, tuple(skipped))


def _candidates(root: Path, skipped: list[SkippedFile]) -> list[Path]:
    """Files that are images by their name; the others go to `skipped`."""
    candidates = []
    for file in _walk(root, skipped):
        if file.suffix.lower() in EXTENSIONS:
            candidates.append(file)
        else:
            reason = f"not an image file ({file.suffix or 'no extension'})"
            skipped.append(SkippedFile(_printable(file.relative_to(root)), reason))
    return candidates


def _walk(root: Path, skipped: list[SkippedFile]) -> Iterator[Path]:
    """Every file below `root` that is not hidden, in a fixed order; a folder reached twice through links is entered once."""

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
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _read_all(
    files: Sequence[Path], root: Path, skipped: list[SkippedFile], progress: Progress | None
) -> list[ImageReference]:
    """References to the readable files, by id; the others go to `skipped`."""
    references = []
    with (
        ThreadPoolExecutor(worker_threads()) as pool,
        (progress or NoProgress()).task("Reading images", len(files)) as task,
    ):
        for start in range(0, len(files), _CHUNK):  # in chunks, so that Ctrl-C does not wait for all of them
            chunk = files[start : start + _CHUNK]
            for file, result in zip(chunk, pool.map(_reference_or_reason, chunk), strict=True):
                if isinstance(result, str):
                    skipped.append(SkippedFile(_printable(file.relative_to(root)), result))
                else:
                    references.append(result)
            task.advance(len(chunk))
    return sorted(references, key=lambda reference: reference.uri)


def _reference_or_reason(file: Path) -> ImageReference | str:
    try:
        if not file.is_file():  # before opening it: a named pipe would wait for ever
            return "not a regular file" if file.exists() else "a link to nowhere"
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
