"""Labels of a corpus from files: named by the user, or `metadata.csv`, `.jsonl` or `.parquet` beside the images, as Hugging Face's image
folders have it.

A file replaces the labels of the folders: what it does not name has no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from samekind.core.errors import CorpusError, InputError
from samekind.core.text import counted
from samekind.data.layouts.class_names import composed
from samekind.data.layouts.find_images import ImageFinder
from samekind.data.layouts.folder_names import split_kind
from samekind.data.layouts.labels.columns import NoLabelColumn
from samekind.data.layouts.labels.read_file import read_label_file
from samekind.data.layouts.labels.values import ImageLabels, joined
from samekind.data.layouts.recognise import Parts
from samekind.data.types.same_class import JOINED_BY
from samekind.data.types.splits import SPLITS, Split

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Files beside the images that are read without being named."""


@dataclass(frozen=True)
class GivenLabels:
    """Labels from files.

    Attributes:
        labels: of each image, `None` where no file has one; several joined to one.
        splits: of each image, where the file has a column for them; otherwise `None`.
        source: the file, for people.
        split_names: the splits as the file has them.
        several: images that have several labels.
        notes: lines on what did not fit.
        files: that were read, as paths within the corpus; a folder ends in `/`.
        with_sign: a label that holds the sign between labels; empty without one.
    """

    labels: list[str | None]
    splits: list[Split] | None
    source: str
    several: int
    split_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    with_sign: str = ""


def find_label_file(given: str, root: Path) -> tuple[Path, str | None]:
    """The file and the column that `FILE[:COLUMN]` means: a path from the working directory or from the corpus' folder.

    Raises:
        InputError: there is no such file.
    """
    before, colon, column = given.rpartition(":")
    for name, of_table in ((given, None), (before, column)) if colon and before and column else ((given, None),):
        for path in (Path(name).expanduser(), root / name):
            if name and path.exists():
                return path.resolve(), of_table
    raise InputError(
        f"there is no file {given!r} of labels",
        hint="--labels takes FILE or FILE:COLUMN, from here or from the corpus' folder",
    )


def absolute_labels(given: str, root: Path) -> str:
    """The same choice with an absolute path, so that a later command finds the file from anywhere.

    Raises:
        InputError: there is no such file.
    """
    path, column = find_label_file(given, root)
    return str(path) if column is None else f"{path}:{column}"


def labels_from_file(given: str, root: Path, files: Sequence[Parts], of_folders: Sequence[str | None]) -> GivenLabels:
    """The labels in the file that the user names.

    Args:
        given: `FILE` or `FILE:COLUMN`.
        root: the corpus' folder.
        files: the images, as paths within the corpus.
        of_folders: their class folders: a list that names these, and no images, renames them (ImageNet's synsets).

    Raises:
        InputError: the file is missing, unreadable, or has no such column.
        CorpusError: it names no image of the corpus.
    """
    path, column = find_label_file(given, root)
    rows = read_label_file(path, column)
    base = _base(path if path.is_dir() else path.parent, root)
    source = path.name if column is None else f"{path.name}, column {column}"
    inner = (path.relative_to(root).as_posix() + "/" * path.is_dir(),) if path.is_relative_to(root) else ()
    renamed = _renamed(rows, of_folders) if path.suffix.lower() == ".txt" else None
    if renamed is not None:
        return GivenLabels(renamed, None, f"folders, named by {path.name}", 0, files=tuple(map(composed, inner)))
    taken = replace(_taken([(base, row) for row in rows], files, source), files=tuple(map(composed, inner)))
    if not any(taken.labels) and not _any_found(rows, base, files):
        where = f"{path} names no image of {root}"
        raise CorpusError(
            where, hint=f"its first line is about {rows[0].file!r}, an image here is {'/'.join(files[0])!r}"
        )
    return taken


def labels_from_metadata(
    files: Sequence[Parts], others: Sequence[tuple[Parts, Path]]
) -> tuple[GivenLabels | None, list[str]]:
    """The labels in `metadata.*` beside the images, `None` without such files or without labels in them; and lines on what was not used."""
    rows: list[tuple[Parts, ImageLabels]] = []
    names, notes = [], []
    for parts, path in others:
        if parts[-1].lower() in METADATA:
            try:
                rows += [(parts[:-1], row) for row in read_label_file(path)]
                names.append("/".join(parts))
            except NoLabelColumn as error:
                notes.append(f"no labels in {'/'.join(parts)}: {error.hint or 'it has no column for them'} (--labels)")
            except InputError as error:
                notes.append(f"not read for labels: {error}")
    if not rows:
        return None, notes
    source = names[0] if len(names) == 1 else f"{len(names)} files named metadata"
    taken = replace(_taken(rows, files, source), files=tuple(names))
    return (taken, notes) if any(taken.labels) else (None, [*notes, *taken.notes])


def _base(folder: Path, root: Path) -> Parts:
    return folder.relative_to(root).parts if folder.is_relative_to(root) else ()


def _any_found(rows: Sequence[ImageLabels], base: Parts, files: Sequence[Parts]) -> bool:
    finder = ImageFinder(files)
    return any(finder.find(row.file, base) is not None for row in rows)


def _taken(rows: Sequence[tuple[Parts, ImageLabels]], files: Sequence[Parts], source: str) -> GivenLabels:
    finder = ImageFinder(files)
    found: list[set[str]] = [set() for _ in files]
    split_of: list[Split | None] = [None] * len(files)
    unknown: list[str] = []
    said = {row.split for _, row in rows}
    kinds = {name: split for name in said if name is not None for split in SPLITS if split_kind(name) == split}
    has_splits = bool(kinds) and len(kinds) == len(said - {None})
    for base, line in rows:
        row = finder.find(line.file, base)
        if row is None:
            unknown.append(line.file)
            continue
        found[row].update(line.labels)
        if has_splits and line.split is not None:
            before, split = split_of[row], kinds[line.split]
            split_of[row] = split if before is None else max(before, split, key=SPLITS.index)
    notes = []
    if unknown:
        lines = counted(len(unknown), "line names", "lines name")
        notes.append(f"{source}: {lines} no image here, or a name that several have, for example {unknown[0]!r}")
    return GivenLabels(
        [joined(labels) for labels in found],
        ["train" if split is None else split for split in split_of] if has_splits else None,
        source,
        sum(len(labels) > 1 for labels in found),
        tuple(sorted(kinds, key=lambda name: (SPLITS.index(kinds[name]), name))) if has_splits else (),
        tuple(notes),
        with_sign=next((label for labels in found for label in sorted(labels) if JOINED_BY in label), ""),
    )


def _renamed(rows: Sequence[ImageLabels], of_folders: Sequence[str | None]) -> list[str | None] | None:
    """The class folders by the names that a list has for them, `None` if it is not about them. Two folders of one name keep theirs behind
    it.
    """
    names = {composed(row.file): ", ".join(row.labels) for row in rows if row.labels}
    folders = {label for label in of_folders if label is not None}
    if len(folders & set(names)) * 2 <= len(folders):
        return None
    times: dict[str, int] = {}
    for folder in folders & set(names):
        times[names[folder]] = times.get(names[folder], 0) + 1
    told = {
        folder: names[folder] if times[names[folder]] == 1 else f"{names[folder]} ({folder})"
        for folder in folders & set(names)
    }
    return [None if label is None else told.get(label, label) for label in of_folders]
