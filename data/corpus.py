"""A corpus: named images with optional labels, fixed splits and a content hash, decoded only when asked for.

Ids do not depend on which split is loaded (`train/00005` is the same image whether or not the test split is there), and every image has
a SHA-256 of its own: of the file's bytes for files, of shape and pixels for arrays. Both are what the index, the verdicts and a resumed
run refer to, so neither may change between versions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from samekind.core.errors import CorpusError, InputError
from samekind.core.progress import NoProgress, Progress
from samekind.data.decode import decode_again
from samekind.data.layouts.folder_choices import FolderChoices
from samekind.data.scan import scan_folder
from samekind.data.types.images import ImageReference, Pixels, SkippedFile, is_grey, pixels_sha256
from samekind.data.types.label_levels import labels_at
from samekind.data.types.reading import Reading, depth_of_bits
from samekind.data.types.splits import SPLITS, Split


@dataclass(frozen=True)
class Corpus:
    """Images with ids, optional labels and splits.

    Attributes:
        name: short name, e.g. `fashion-mnist` or the folder's name.
        ids: one unique string an image, independent of which split is loaded.
        references: location and content hash of each image.
        splits: `train`, `validation` or `test` for each image.
        labels: class names, `None` where an image has none; `None` as a whole if no image has one.
        skipped: files that were left out, with the reason.
        source: arguments of `load_corpus` that load it again (`corpus`, `data_dir`, `limit`; of a folder also how it is read).
        notes: lines for people on how it was read; for a folder the first says what was understood.
        label_rule: when images of several labels are of the same class: `exact`, if all of theirs are, `any`, if they share one; empty if
            none has several.
        reading: how its files become pictures, with the one depth of all that have more than 8 bits.
    """

    name: str
    ids: list[str]
    references: list[ImageReference]
    splits: list[Split]
    labels: list[str | None] | None = None
    skipped: tuple[SkippedFile, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    label_rule: str = ""
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.references), len(self.splits)}
        if self.labels is not None:
            lengths.add(len(self.labels))
        if len(lengths) != 1:
            raise InputError(f"ids, references, splits and labels differ in length: {sorted(lengths)}")
        if len(set(self.ids)) != len(self.ids):
            raise InputError("the ids of a corpus must be unique")

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        kind = f"{len(self.classes)} classes" if self.labels is not None else "unlabelled"
        return f"Corpus({self.name!r}, {len(self)} images, {kind})"

    @classmethod
    def from_folder(
        cls,
        path: str | Path,
        *,
        seed: int = 0,
        layout: str | None = None,
        labels: str | Path | None = None,
        exclude: str | Sequence[str] | None = None,
        several: str | None = None,
        frames: str = Reading.frames,
        max_pixels: int = Reading.max_pixels,
        depth: int | None = None,
        progress: Progress | None = None,
    ) -> Corpus:
        """Reads a folder of images: `folder/<class>/<image>` is labelled, a flat folder is not, and folders called train, validation and
        test are splits; other layouts that people download are recognised.

        Args:
            path: the folder; searched through nested folders.
            seed: of the split (about 80/20, and moving next to nothing when images are added) that is made where the folder names none.
            layout: `auto` recognises it; `folders`, `flat`, `splits`, `class-splits`, `yolo` or `lists` says it.
            labels: a file that has the labels, `FILE` or `FILE:COLUMN`: a table, COCO's JSON, VOC's XML, …
            exclude: patterns of files and folders to leave out, such as `*_thumb.jpg`.
            several: when images of several labels are of the same class: `exact` if all of theirs are the same, `any` if they share one;
                left out, `exact`.
            frames: `first` picture of each file, or `all`: then each of a file of several is an image, with an id like `x.tif#3`.
            max_pixels: width × height up to which a picture is read.
            depth: bits of pictures that have more than 8; left out, the fewest of 8, 10, 12, 14 and 16 that hold the greatest value of all.
            progress: shows a bar while the files are decoded.

        Raises:
            CorpusError: the folder is missing or holds no readable image, is not laid out as asked for, or the labels are of other images.
            InputError: an argument is unknown or out of range, or the file of labels is missing or unreadable.
        """
        reading = Reading(frames, max_pixels, depth_of_bits(depth))
        choices = FolderChoices.of(layout, labels, exclude, several)
        folder = scan_folder(path, seed=seed, progress=progress, how=choices, reading=reading)
        for note in folder.notes:
            (progress or NoProgress()).print(note)
        source = {"corpus": str(folder.root), "data_dir": None, "limit": None} | ({"seed": seed} if seed else {})
        source |= Reading(frames, max_pixels).to_json() | ({} if depth is None else {"depth": depth})
        return cls(
            folder.root.name or "images",
            folder.ids,
            folder.references,
            folder.splits,
            folder.labels,
            folder.skipped,
            source | folder.how.source,
            folder.notes,
            folder.label_rule,
            folder.reading,
        )

    @classmethod
    def from_arrays(
        cls,
        images: Sequence[Pixels] | Pixels,
        labels: Sequence[str | None] | None = None,
        splits: Sequence[Split] | None = None,
        *,
        ids: Sequence[str] | None = None,
        name: str = "arrays",
        source: dict[str, Any] | None = None,
    ) -> Corpus:
        """Wraps images that are already in memory.

        Args:
            images: N arrays of `(H, W)` or `(H, W, 3)` uint8, or one `(N, H, W[, 3])` array.
            labels: class names, `None` where unknown.
            splits: one a row; all `train` if left out.
            ids: unique names; `train/00000`, … counted within each split if left out.
            name: prefix of the uris.
            source: arguments of `load_corpus` that load it again, where there are any.

        Raises:
            CorpusError: there are no images.
            InputError: an image is not uint8 of a shape above, or the lengths differ.
        """
        if len(images) == 0:
            raise CorpusError("a corpus needs at least one image, got none")
        split_list: list[Split] = list(splits) if splits is not None else ["train"] * len(images)
        id_list = list(ids) if ids is not None else numbered_ids(split_list)
        references = [
            ImageReference(f"{name}://{id_}", pixels_sha256(row), is_grey(row), pixels=row)
            for id_, row in zip(id_list, map(_checked, images), strict=True)
        ]
        label_list = None if labels is None or all(x is None for x in labels) else list(labels)
        return cls(name, id_list, references, split_list, label_list, source=dict(source or {}))

    def image(self, i: int) -> Image.Image:
        """The i-th image, upright, mode `L` or `RGB`.

        Raises:
            ImageError: the file has changed, is gone, or has become unreadable since the corpus was read.
        """
        reference = self.references[i]
        if reference.pixels is not None:
            return Image.fromarray(reference.pixels)
        return decode_again(reference, self.reading)

    def sha256(self, i: int) -> str:
        """Hex digest of the i-th image's content."""
        return self.references[i].sha256

    def uri(self, i: int) -> str:
        """Display name of the i-th image: its path, or `name://id`."""
        return self.references[i].uri

    @cached_property
    def classes(self) -> list[str]:
        """The class names in alphabetical order; empty without labels."""
        return sorted({x for x in self.labels or [] if x is not None})

    def labels_at(self, level: str | int) -> list[str | None] | None:
        """Labels at the level `coarse` (`labels` themselves), `fine` (`class/subclass/…`) or a number of folders deep; see
        `data.types.label_levels`.

        Raises:
            InputError: `level` is no level.
        """
        return labels_at(self.ids, self.labels, level)

    @cached_property
    def channels(self) -> Literal[1, 3]:
        """1 if every image is grey, otherwise 3."""
        return 1 if all(reference.grey for reference in self.references) else 3

    @cached_property
    def native_array(self) -> Pixels | None:
        """`(N, H, W)` or `(N, H, W, 3)` uint8 if all images are arrays of one shape, otherwise `None`."""
        rows = [reference.pixels for reference in self.references if reference.pixels is not None]
        shapes = {row.shape for row in rows}
        if len(rows) != len(self) or len(shapes) != 1:
            return None
        # joining the buffers is six times as fast as np.stack; a bytearray leaves the result writable
        joined = bytearray().join([np.ascontiguousarray(row).data for row in rows])
        return np.frombuffer(joined, dtype=np.uint8).reshape(len(rows), *shapes.pop())

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 over ids, splits, labels, image hashes and depth: equal if and only if the corpora are."""
        digest = hashlib.sha256()
        labels: Iterable[str | None] = self.labels or [None] * len(self)
        for id_, reference, split, label in zip(self.ids, self.references, self.splits, labels, strict=True):
            digest.update(repr((id_, reference.sha256, split, label)).encode())
        digest.update(self.reading.key)
        return digest.hexdigest()

    def subset(self, indices: Iterable[int]) -> Corpus:
        """The images at `indices`, in that order, under the same ids."""
        rows = list(indices)
        return replace(
            self,
            ids=[self.ids[i] for i in rows],
            references=[self.references[i] for i in rows],
            splits=[self.splits[i] for i in rows],
            labels=None if self.labels is None else [self.labels[i] for i in rows],
        )

    def split(self, name: str) -> Corpus:
        """The images of one split (possibly none).

        Raises:
            InputError: `name` is not a split.
        """
        if name not in SPLITS:
            raise InputError(f"unknown split {name!r}", hint=f"choose one of {', '.join(SPLITS)}")
        return self.subset(i for i, split in enumerate(self.splits) if split == name)


def numbered_ids(splits: Sequence[str]) -> list[str]:
    """`train/00000`, `train/00001`, …, counted within each split so that other splits do not matter."""
    counts: dict[str, int] = {}
    ids = []
    for split in splits:
        ids.append(f"{split}/{counts.get(split, 0):05d}")
        counts[split] = counts.get(split, 0) + 1
    return ids


def _checked(pixels: Pixels) -> Pixels:
    if pixels.dtype != np.uint8 or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)):
        raise InputError(f"an image must be uint8 of shape (H, W) or (H, W, 3), got {pixels.dtype} {pixels.shape}")
    if pixels.size == 0:
        raise InputError(f"an image must have at least one pixel, got shape {pixels.shape}")
    return pixels
