"""Indexes of pictures with given labels, for the tests of label issues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samekind.data.corpus import Corpus
from samekind.indexer.index import Index, build_index
from tests.indexer.helpers import FakeEncoder, save_encoder

NAMES = ("Bag", "Coat", "Shirt")


def build(folder: Path, pixels: NDArray[np.uint8], labels: list[str | None] | None) -> Index:
    """An index of these pictures."""
    save_encoder(FakeEncoder(), folder)
    return build_index(Corpus.from_arrays(list(pixels), labels, name="kinds"), FakeEncoder(), folder)


def right() -> list[str | None]:
    """The labels as they should be."""
    return [NAMES[i % 3] for i in range(60)]
