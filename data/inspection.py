"""What would be read of a folder, as what, and what is left out: looked at before anything is trained."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image

from samekind.core.csv_files import write_csv
from samekind.core.progress import NoProgress, Progress
from samekind.data.layouts.folder_choices import FolderChoices
from samekind.data.scan import ScannedFolder, scan_folder
from samekind.data.types.images import ImageReference, SkippedFile
from samekind.data.types.reading import Reading, depth_of_bits
from samekind.data.types.splits import SPLITS

EXAMPLES = 3
"""Files that are named for each finding."""


@dataclass(frozen=True)
class LeftOut:
    """Files that are left out for one reason: how many, and the first of them."""

    reason: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Copies:
    """Images of equal content.

    Attributes:
        groups: contents that several images have.
        images: images in these groups.
        conflicts: groups whose images have different labels.
        leaks: images outside the training split that the training split has as well.
        examples: ids of the images of the first groups.
        leak_examples: of the first leaks, the id of a training image and that of the other.
    """

    groups: int
    images: int
    conflicts: int
    leaks: int
    examples: tuple[tuple[str, ...], ...]
    leak_examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Sizes:
    """Sizes of the images in pixels, as their files say (before a camera's turn is undone).

    Attributes:
        smallest, largest: width and height, by area.
        median_side: median of the shorter sides.
        bytes: of all files.
    """

    smallest: tuple[int, int]
    largest: tuple[int, int]
    median_side: float
    bytes: int


@dataclass(frozen=True)
class Inspection:
    """Findings on one folder.

    Attributes:
        folder: its absolute path.
        layout: as what it was read, one of `LAYOUTS`.
        notes: what was understood, and what a reader should know; a line each.
        num_images: images that would be read.
        splits: images of each split.
        classes: images of each class, the largest first.
        num_unlabelled: images without a label.
        formats: images of each format, by content.
        sizes: `None` if no header could be read.
        copies: images of equal content.
        skipped: files that would be skipped, by reason.
        passed_over: files and folders that are not looked at, by reason.
        files: each of these with its reason.
    """

    folder: str
    layout: str
    notes: tuple[str, ...]
    num_images: int
    splits: dict[str, int]
    classes: dict[str, int]
    num_unlabelled: int
    formats: dict[str, int]
    sizes: Sizes | None
    copies: Copies
    skipped: tuple[LeftOut, ...]
    passed_over: tuple[LeftOut, ...]
    files: tuple[SkippedFile, ...]

    def to_dict(self) -> dict[str, Any]:
        """The findings as `--json` prints them; single files are for `skipped_to_csv`."""
        answer = asdict(self)
        del answer["files"]
        return answer

    def skipped_to_csv(self, file: str | Path) -> None:
        """Writes every file that is left out, with its reason, as `path,reason`.

        Raises:
            InputError: the file cannot be written.
        """
        write_csv(file, ("path", "reason"), [(left.path, left.reason) for left in self.files])


def inspect(
    folder: str | Path,
    *,
    layout: str | None = None,
    labels: str | Path | None = None,
    exclude: str | Sequence[str] | None = None,
    several: str | None = None,
    frames: str = Reading.frames,
    max_pixels: int = Reading.max_pixels,
    depth: int | None = None,
    progress: Progress | None = None,
) -> Inspection:
    """Looks at a folder of images as `load_corpus` would read it. Nothing is trained, and nothing is written.

    Args:
        folder: the folder.
        layout: how it is laid out; recognised if left out.
        labels: a file that has the labels, `FILE` or `FILE:COLUMN`.
        exclude: patterns of files and folders to leave out.
        several: when images of several labels are of the same class: `exact` or `any`.
        frames: of files with several pictures the `first`, or `all`.
        max_pixels: width × height up to which a picture is read.
        depth: bits of pictures that have more than 8.
        progress: shows bars.

    Raises:
        CorpusError: there is no readable image; says why.
        InputError: a choice is unknown or out of range, or the file of labels is unreadable.
    """
    reading = Reading(frames, max_pixels, depth_of_bits(depth))
    choices = FolderChoices.of(layout, labels, exclude, several)
    scanned = scan_folder(folder, progress=progress, how=choices, reading=reading)
    formats, sizes = _headers(scanned.references, progress or NoProgress())
    labelled = Counter(label for label in scanned.labels or () if label is not None)
    counts = Counter(scanned.splits)
    return Inspection(
        folder=str(scanned.root),
        layout=scanned.layout,
        notes=scanned.notes,
        num_images=len(scanned.ids),
        splits={split: counts[split] for split in SPLITS if counts[split]},
        classes=dict(labelled.most_common()),
        num_unlabelled=len(scanned.ids) - labelled.total(),
        formats=formats,
        sizes=sizes,
        copies=_copies(scanned),
        skipped=_by_reason(scanned.skipped),
        passed_over=_by_reason(scanned.passed_over),
        files=(*scanned.skipped, *scanned.passed_over),
    )


def _headers(references: Sequence[ImageReference], progress: Progress) -> tuple[dict[str, int], Sizes | None]:
    """Formats and sizes, from the files' headers alone."""
    formats: Counter[str] = Counter()
    shapes, weight = [], 0
    with progress.task("Reading headers", len(references)) as task:
        for path, pictures in groupby(
            references, key=lambda reference: reference.path
        ):  # several of one file lie together
            assert path is not None
            frames, known = [picture.frame for picture in pictures], 0
            try:
                weight += path.stat().st_size
                with Image.open(path) as image:
                    for frame in frames:
                        if frame is not None:
                            image.seek(frame - 1)
                        formats[image.format or "unknown"] += 1
                        shapes.append(image.size)
                        known += 1
            except Exception:  # noqa: BLE001 - it was decoded a moment ago: gone since, or not a format that Pillow opens by itself
                formats[path.suffix.lstrip(".").upper() or "unknown"] += len(frames) - known
            task.advance(len(frames))
    if not shapes:
        return dict(formats.most_common()), None
    shapes.sort(key=lambda shape: (shape[0] * shape[1], shape))
    sizes = Sizes(shapes[0], shapes[-1], float(median(min(shape) for shape in shapes)), weight)
    return dict(formats.most_common()), sizes


def _copies(scanned: ScannedFolder) -> Copies:
    """Groups of equal content, in the order of their first image."""
    of_content: dict[str, list[int]] = defaultdict(list)
    for row, reference in enumerate(scanned.references):
        of_content[reference.sha256].append(row)
    groups = [rows for rows in of_content.values() if len(rows) > 1]
    labels = scanned.labels or [None] * len(scanned.ids)
    leaks = [
        (scanned.ids[trained[0]], scanned.ids[row])
        for rows in groups
        if (trained := [row for row in rows if scanned.splits[row] == "train"])
        for row in rows
        if scanned.splits[row] != "train"
    ]
    return Copies(
        groups=len(groups),
        images=sum(map(len, groups)),
        conflicts=sum(len({labels[row] for row in rows} - {None}) > 1 for rows in groups),
        leaks=len(leaks),
        examples=tuple(tuple(scanned.ids[row] for row in rows[:EXAMPLES]) for rows in groups[:EXAMPLES]),
        leak_examples=tuple(leaks[:EXAMPLES]),
    )


def _by_reason(files: Iterable[SkippedFile]) -> tuple[LeftOut, ...]:
    """Files by reason, the most frequent first."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        found[file.reason].append(file.path)
    order = sorted(found, key=lambda reason: (-len(found[reason]), reason))
    return tuple(LeftOut(reason, len(found[reason]), tuple(found[reason][:EXAMPLES])) for reason in order)
