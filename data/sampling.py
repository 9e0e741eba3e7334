"""Seeded choices of rows that keep the classes in proportion: the 80/20 split and `--limit` are both made here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.corpus import Split

TEST_SHARE = 0.2


def stratified_sample(
    labels: Sequence[str | None] | None, size: int, count: int, seed: int, *, spare: int = 0
) -> NDArray[np.int64]:
    """Chooses `count` of `size` rows, each class (and the unlabelled) in proportion by largest remainder.

    Args:
        labels: one a row, or `None` for rows without labels.
        size: number of rows.
        count: how many to choose, in [0, size].
        seed: of the choice within each class.
        spare: rows of each class that are never chosen (fewer rows may come back then).

    Returns:
        ascending row numbers.
    """
    groups: dict[str, list[int]] = {}
    for row in range(size):
        label = None if labels is None else labels[row]
        groups.setdefault("\0" if label is None else label, []).append(row)  # "\0": no class can be called so
    rng = np.random.default_rng(seed)
    members = [np.asarray(groups[name], dtype=np.int64) for name in sorted(groups)]
    room = np.array([max(0, len(rows) - spare) for rows in members])
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
    test = set(stratified_sample(labels, size, count, seed, spare=1).tolist())
    return ["test" if row in test else "train" for row in range(size)]
