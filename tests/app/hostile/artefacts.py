"""Artefacts that have next to nothing of what a page would like to show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import samekind as sk
from samekind.data.types.splits import Split
from tests.indexer.adaptation.worlds import answered_world
from tests.indexer.helpers import FakeEncoder, kinds, save_encoder

NAMES = ("Bag", "Coat", "Shirt")


def _indexed(folder: Path, pixels: NDArray[np.uint8], labels: Sequence[str | None] | None) -> Path:
    save_encoder(FakeEncoder(), folder)
    splits: list[Split] = ["test" if i % 5 == 4 else "train" for i in range(len(pixels))]
    sk.build_index(sk.Corpus.from_arrays(list(pixels), labels, splits, name="kinds"), FakeEncoder(), folder)
    return folder


def one_image(folder: Path) -> Path:
    """A labelled image and nothing else."""
    return _indexed(folder, kinds(1), ["Bag"])


def two_images(folder: Path) -> Path:
    """Two images of two classes."""
    return _indexed(folder, kinds(2), ["Bag", "Coat"])


def identical(folder: Path) -> Path:
    """Twelve files of one content, of two classes and two splits."""
    return _indexed(folder, np.repeat(kinds(1), 12, axis=0), ["Bag", "Coat"] * 6)


def one_label(folder: Path) -> Path:
    """Thirty images, one of them labelled."""
    return _indexed(folder, kinds(30), ["Bag", *[None] * 29])


def one_class(folder: Path) -> Path:
    """Thirty images of one class."""
    return _indexed(folder, kinds(30), ["Bag"] * 30)


def partly(folder: Path) -> Path:
    """Thirty images, every second one labelled."""
    return _indexed(folder, kinds(30), [None if i % 2 else NAMES[i % 3] for i in range(30)])


def unlabelled(folder: Path) -> Path:
    """Thirty images without labels."""
    return _indexed(folder, kinds(30), None)


def adapted(folder: Path) -> Path:
    """An index whose space follows answers."""
    index = answered_world(folder)
    assert index.adapt().adapted
    return folder


def vectors(folder: Path) -> Path:
    """Vectors that somebody else made, with labels and without pictures."""
    drawn = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    sk.index_vectors(drawn, [f"image {i}" for i in range(30)], folder, labels=[NAMES[i % 3] for i in range(30)])
    return folder


ALL: dict[str, Callable[[Path], Path]] = {
    make.__name__: make
    for make in (one_image, two_images, identical, one_label, one_class, partly, unlabelled, adapted, vectors)
}
