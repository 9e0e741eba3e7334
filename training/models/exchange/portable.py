"""What the exchange needs of an encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from samekind.training.models.image_encoder import ImageEncoder


class PortableEncoder(ImageEncoder, Protocol):
    """The part of `samekind.training.models.encoder.Encoder` that the exchange works on.

    Attributes:
        source: name of the pretrained model that the weights come from; empty if they were trained from scratch.
        known: `meta.json` of the artefact that it was read from; empty if it was not.
        folder: that artefact.
    """

    source: str
    known: dict[str, Any]
    folder: Path | None

    def to_bytes(self) -> bytes:
        """The safetensors file."""
