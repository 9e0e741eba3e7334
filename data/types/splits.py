"""Assignment of images to splits: usual names of splits, the 80/20 splits that are made, and the choice behind `--limit`.

A corpus that never changes is split exactly (`train_test_split`), a folder, which may grow, so that growing moves nothing (`stable_split`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

TEST_SHARE = 0.2

SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}
"""Usual names of splits, in lower case; the same for folders and packs."""


def stratified_sample(
    labels: Sequence[str | None] | None, size: int, count: int, seed: int, *, reserved: int = 0
) -> NDArray[np.int64]:
    """Chooses `count` of `size` rows, each class (and the unlabelled) in proportion by largest remainder.

    Args:
        labels: one a row, or `None` for rows without labels.
        size: number of rows.
        count: number of rows to choose, in [0, size].
        seed: of the choice within each class.
        reserved: rows of each class that are never chosen (fewer rows may come back then).

    Returns:
        ascending row numbers.
    """
    groups: dict[str, list[int]] = {}
    for row in range(size):
        label = None if labels is None else labels[row]
        groups.setdefault("\0" if label is None else label, []).append(row)  # "\0": no class can be called so
    rng = np.random.default_rng(seed)
    members = [np.asarray(groups[name], dtype=np.int64) for name in sorted(groups)]
    room = np.array([max(0, len(rows) - reserved) for rows in members])
    wanted = np.array([len(rows) * count / max(size, 1) for rows in members])
    quota = np.minimum(np.floor(wanted + 1e-9).astype(np.int64), room)
    while quota.sum() < min(count, int(room.sum())):
        gap = np.where(quota < room, wanted - quota, -np.inf)
        quota[int(gap.argmax())] += 1
    chosen = [rng.permutation(rows)[:n] for rows, n in zip(members, quota, strict=True)]
    return np.sort(np.concatenate(chosen)) if chosen else np.empty(0, dtype=np.int64)


def train_test_split(labels: Sequence[str | None] | None, size: int, seed: int) -> list[Split]:
    """A seeded, stratified 80/20 split; a class of one image keeps it for training."""
    count = round(size * TEST_SHARE)
    test = set(stratified_sample(labels, size, count, seed, reserved=1).tolist())
    return ["test" if row in test else "train" for row in range(size)]


def stable_split(ids: Sequence[str], labels: Sequence[str | None] | None, seed: int) -> list[Split]:
    """A seeded split, about 80/20, that stays as it is when images are added.

    An image is a test image if the seeded hash of its own id says so, whatever else is there: an image that was trained on must not become
    a test image because others came. The price is that the shares of a class are only about 80/20 (±4 in 100 images). Two exceptions serve
    small classes: where no hash says so, the image with the least hash is tested, and where all do, that with the greatest is trained on.
    Added images undo the first by moving a test image to training, which does no harm; the second is rare beyond one or two images.

    Args:
        ids: of the images, unique.
        labels: one an image, or `None` without labels.
        seed: of the hashes.
    """
    hashes = [_unit_hash(f"{seed}/{id_}") for id_ in ids]
    test = [value < TEST_SHARE for value in hashes]
    groups: dict[str | None, list[int]] = {}
    for row in range(len(ids)):
        groups.setdefault(None if labels is None else labels[row], []).append(row)
    for rows in groups.values():
        if all(test[row] for row in rows):
            test[max(rows, key=hashes.__getitem__)] = False
        if len(rows) > 1 and not any(test[row] for row in rows):
            test[min(rows, key=hashes.__getitem__)] = True
    return ["test" if is_test else "train" for is_test in test]


def stable_split_by_file(files: Sequence[str], labels: Sequence[str | None] | None, seed: int) -> list[Split]:
    """A stable split in which the pictures of one file stay together.

    Args:
        files: the file of each image.
        labels: one an image, or `None` without labels; a file has that of its first.
        seed: of the hashes.
    """
    rows = {file: row for row, file in reversed(list(enumerate(files)))}
    splits = stable_split(list(rows), None if labels is None else [labels[row] for row in rows.values()], seed)
    split_of = dict(zip(rows, splits, strict=True))
    return [split_of[file] for file in files]


def _unit_hash(text: str) -> float:
    """A number in [0, 1) that is the same for the same text everywhere."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
