"""The 1,797 handwritten digits that ship inside scikit-learn: 8 px, enlarged to 32, split 80/20. Needs no download."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from samekind.core.errors import MissingDependencyError
from samekind.data.corpus import Corpus
from samekind.data.types.splits import train_test_split

NAME = "digits"
SIZE = 32

_SPLIT_SEED = 0


def load(source: dict[str, Any] | None = None) -> Corpus:
    """The digits corpus; always the same.

    Raises:
        MissingDependencyError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingDependencyError("the digits corpus needs scikit-learn", hint="pip install scikit-learn") from error
    bunch = load_digits()
    small = np.round(bunch.images * (255 / 16)).astype(np.uint8)  # shipped as 0..16
    images = [np.array(Image.fromarray(row).resize((SIZE, SIZE), Image.Resampling.BICUBIC)) for row in small]
    labels = [str(code) for code in bunch.target.tolist()]
    splits = train_test_split(labels, len(labels), _SPLIT_SEED)
    return Corpus.from_arrays(images, labels, splits, name=NAME, source=source)
