"""What an encoder offers to other libraries: saved folders, scikit-learn, ONNX. `Encoder` inherits it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import InputError
from samekind.core.progress import Progress
from samekind.training.config.model import names_model
from samekind.training.models.exchange.describe import described
from samekind.training.models.exchange.model_card import model_card
from samekind.training.models.exchange.portable import PortableEncoder
from samekind.training.models.text_tower import stored_text
from samekind.training.runtime.artefact import (
    SAVED_META,
    SAVED_WEIGHTS,
    TEXT,
    check_writable,
    read_meta,
    write_atomically,
    write_json,
)

TRANSFORM_BATCH = 64


class EncoderExchange:
    """Ways of an encoder in and out."""

    source: str
    known: dict[str, Any]
    folder: Path | None

    @classmethod
    @abstractmethod
    def load(cls, folder: str | Path) -> Self:
        """Reads an encoder from a folder."""

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Reads an encoder from a folder that `save_pretrained` wrote, or from an artefact.

        Args:
            folder: it holds `model.safetensors` and `config.json`, or `encoder.safetensors` and `meta.json`.

        Raises:
            InputError: it is the name of a pretrained model.
            ArtefactError: the folder or a file is missing, or the weights are not those that are described.
        """
        if names_model(str(folder)):
            raise InputError(
                f"{folder} is a model's name, not a folder", hint=f"samekind.load_encoder({str(folder)!r})"
            )
        return cls.load(folder)

    def save_pretrained(self, folder: str | Path, artefact: str | Path | None = None) -> Path:
        """Writes a folder that can be published as it is: `model.safetensors`, `config.json` and a model card, `README.md`; of an
        artefact with a text tower, `text.safetensors` as well.

        The weights are the bytes of `encoder.safetensors`, so the fingerprint stays. Paths of this machine are left out.

        Args:
            folder: made if it is not there; files of these names are replaced.
            artefact: whose `meta.json` tells data, settings and figures; what this encoder was loaded from, if left out.

        Returns:
            The folder.

        Raises:
            InputError: the artefact is another encoder's.
            ArtefactError: the folder cannot be written, or the artefact's text tower is missing or damaged.
        """
        encoder = cast(PortableEncoder, self)
        if artefact is not None:
            known = read_meta(artefact)
            if known["encoder"].get("fingerprint") != encoder.fingerprint:
                raise InputError(f"{artefact} holds another encoder", hint="give the artefact that this one is of")
            self.known, self.folder = known, Path(artefact)
        folder = Path(folder)
        check_writable(folder)
        told = described(encoder)
        text = self.stored_text()
        folder.mkdir(parents=True, exist_ok=True)
        if text is not None:
            write_atomically(folder / TEXT, text)
        write_json(folder / SAVED_META, told)
        write_atomically(folder / "README.md", model_card(told).encode())
        write_atomically(folder / SAVED_WEIGHTS, encoder.to_bytes())
        return folder

    def stored_text(self) -> bytes | None:
        """The text tower's file of the artefact that this encoder is of; `None` if it has none, or the encoder has been changed since.

        Raises:
            ArtefactError: it is missing, damaged or another encoder's.
        """
        encoder = cast(PortableEncoder, self)
        if self.folder is None or "text" not in described(encoder):
            return None
        return stored_text(self.folder, encoder.fingerprint)

    def to_onnx(self, path: str | Path) -> Path:
        """Writes the encoder as one ONNX file, with everything that follows decoding inside.

        Input `image`: `(B, H, W, C)` uint8, RGB or grey, upright; B, H and W are free. Output `embedding`: `(B, D)` float32 of unit norm.
        Resizing is Pillow's, pixel for pixel, so an image gives the vector that `transform` gives but for the last digits.

        Args:
            path: the file.

        Returns:
            The path.

        Raises:
            MissingDependencyError: `samekind[onnx]` is not installed.
            InputError: the backbone does what ONNX cannot express, or the encoder averages crops of an image.
            ArtefactError: the file cannot be written.
        """
        from samekind.training.models.exchange.onnx_export import write_onnx

        write_onnx(cast(PortableEncoder, self), Path(path))
        return Path(path)

    def transform(
        self, images: Iterable[Any], batch_size: int = TRANSFORM_BATCH, progress: Progress | None = None
    ) -> NDArray[np.float32]:
        """Embeds images of any form, size and mode.

        Args:
            images: paths, bytes, Pillow images or `(H, W[, C])` uint8 arrays, mixed as you like; or one `(N, H, W[, C])` uint8 array.
            batch_size: images that are decoded and embedded at a time, ≥ 1.
            progress: shows a bar.

        Returns:
            `(N, D)` float32 of unit norm.

        Raises:
            ImageError: an image cannot be decoded; names the file, or its place in the list.
            InputError: something is no image.
        """
        from samekind.training.models.exchange.transform import embed_any

        return embed_any(cast(PortableEncoder, self), images, batch_size, progress)

    def fit(self, images: Any = None, targets: Any = None) -> Self:
        """Does nothing, as the first step of a scikit-learn `Pipeline` may: the encoder is trained."""
        return self

    def fit_transform(self, images: Iterable[Any], targets: Any = None) -> NDArray[np.float32]:
        """`transform`, as a scikit-learn `Pipeline` calls it while it fits."""
        return self.transform(images)
