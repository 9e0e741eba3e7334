"""What the rest of the house needs of an encoder, whoever made it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.images import Pixels


class ImageEncoder(Protocol):
    """The part of an encoder that an index needs; `samekind.training.models.encoder.Encoder` is one."""

    @property
    def dim(self) -> int:
        """Dimension D of the embeddings."""

    @property
    def spec(self) -> Any:
        """An `ImageSpec`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the weights."""

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, S, S, C)` uint8 to `(N, D)` float32 of unit norm."""
