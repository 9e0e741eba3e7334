"""A space in which classes differ along some directions and everything else is noise: answers can teach which are which."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import samekind as sk
from samekind.indexer.labeling.verdicts import DIFFERENT, SAME, Verdict, VerdictTable

DIM, TOLD = 12, 4  # only the first TOLD directions tell classes apart


def vectors_of(classes: NDArray[np.int64], seed: int = 0, noise: float = 1.0) -> NDArray[np.float32]:
    """`(N, 12)` float32 of unit norm, one for each class number; the classes are the same for every seed."""
    centre = np.random.default_rng(99).normal(size=(int(classes.max()) + 1, DIM)) * (np.arange(DIM) < TOLD)
    random = np.random.default_rng(seed)
    spread = np.where(np.arange(DIM) < TOLD, 0.35, noise)
    vectors = centre[classes] + random.normal(size=(len(classes), DIM)) * spread
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def world(folder: Path, classes: int = 6, images: int = 40, seed: int = 0) -> sk.Index:
    """An index of such vectors, a tenth of them in the split `test`."""
    class_N = np.arange(classes * images) % classes
    ids = [f"{number:04d}" for number in range(len(class_N))]
    splits = ["test" if number % 10 == 9 else "train" for number in range(len(class_N))]
    labels = [f"class {number}" for number in class_N]
    return sk.index_vectors(vectors_of(class_N, seed), ids, folder, labels=labels, splits=splits)


def answers(index: sk.Index, images: int = 12, groups: int = 6, wrong: float = 0.0, seed: int = 0) -> list[Verdict]:
    """What an oracle says of `groups` anchors and `images` others each; a share of it is wrong."""
    random, labels, sha256 = np.random.default_rng(seed), index.labels or [], index.rows.column("sha256")
    train = [row for row, split in enumerate(index.splits) if split == "train"]
    given: list[Verdict] = []
    for anchor in range(groups):
        others = random.choice([row for row in train if row != train[anchor]], images, replace=False)
        own = [row for row in train[groups:] if labels[row] == labels[train[anchor]]][: images // 2]
        for other in dict.fromkeys([*own, *others.tolist()]):
            same = (labels[other] == labels[train[anchor]]) ^ bool(random.random() < wrong)
            given.append(Verdict(sha256[train[anchor]], sha256[other], SAME if same else DIFFERENT))
    return given


def answered_world(folder: Path, **how: int) -> sk.Index:
    """A world with answers about it."""
    index = world(folder)
    VerdictTable(folder).add(answers(index, **how))
    return index


def precision(index: sk.Index, adapted: bool = True) -> float:
    """Mean share of the ten training images nearest to each test image that are of its class."""
    labels = dict(zip(index.ids, index.labels or [], strict=True))
    test = [id_ for id_, split in zip(index.ids, index.splits, strict=True) if split == "test"]
    found = index.search(test, 10, "split = 'train'", adapted=adapted)
    return float(np.mean([hit.label == labels[id_] for id_, result in zip(test, found, strict=True) for hit in result]))


def adapted_files(folder: Path) -> set[str]:
    """What an adaptation leaves in the artefact."""
    return {path.name for path in folder.iterdir() if "adapt" in path.name}
