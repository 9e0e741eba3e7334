"""What the exchange needs of an encoder."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samekind.data.types.images import Pixels


class PortableEncoder(Protocol):
    """The part of `samekind.training.models.encoder.Encoder` that the exchange works on.

    Attributes:
        source: name of the pretrained model that the weights come from; empty if they were trained from scratch.
        known: `meta.json` of the artefact that it was read from; empty if it was not.
    """

    source: str
    known: dict[str, Any]

    @property
    def dim(self) -> int:
        """Dimension D of the embeddings."""

    @property
    def spec(self) -> Any:
        """An `EncoderSpec`."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `to_bytes()`."""

    def to_bytes(self) -> bytes:
        """The safetensors file."""

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, S, S, C)` uint8 to `(N, D)` float32 of unit norm."""
