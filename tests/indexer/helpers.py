"""An encoder small enough for tests: a fixed random convolution of the pixels, so that like images get like vectors."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.data.corpus import Corpus
from samekind.data.types.images import Pixels
from samekind.data.types.splits import Split
from samekind.training.runtime.artefact import META, WEIGHTS, write_json

SIZE = 8


@dataclass(frozen=True)
class FakeSpec:
    """What `EncoderSpec` says of the input."""

    image_size: int = SIZE
    channels: int = 1


class FakeEncoder:
    """Random 3×3 filters, a kink, a random projection, unit norm."""

    def __init__(self, seed: int = 0, dim: int = 16) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.filters = torch.randn(8, 1, 3, 3, generator=generator)
        self.projection = torch.randn(8 * (SIZE - 2) ** 2, dim, generator=generator)
        self.dim, self.spec, self.embedded = dim, FakeSpec(), 0
        self.fingerprint = hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """What is saved as `encoder.safetensors`."""
        return bytes(self.filters.numpy().tobytes() + self.projection.numpy().tobytes())

    @torch.no_grad()
    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, 8, 8, 1)` uint8 to `(N, D)` unit-norm float32; counts what it embeds."""
        self.embedded += len(images)
        batch = torch.from_numpy(images).permute(0, 3, 1, 2).float().div(127.5).sub(1)
        feature = torch.nn.functional.conv2d(batch, self.filters).abs().flatten(1) @ self.projection
        unit: NDArray[np.float32] = torch.nn.functional.normalize(feature, dim=1).numpy()
        return unit


def save_encoder(encoder: FakeEncoder, folder: Path, **meta: Any) -> None:
    """Makes `folder` an artefact with this encoder, as training would leave it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS).write_bytes(encoder.to_bytes())
    write_json(
        folder / META,
        {"format": 1, "encoder": {"fingerprint": encoder.fingerprint}, "config": {}, "corpus": {}, **meta},
    )


def pictures(count: int, seed: int = 0) -> Pixels:
    """`(count, 8, 8)` uint8 noise, all different."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE), dtype=np.uint8)


def arrays_corpus(count: int = 60, seed: int = 0, labelled: bool = True, name: str = "noise") -> Corpus:
    """Noise in three classes, a fifth of it in the split `test`; loaded from the registered name `name`."""
    labels = [("Bag", "Coat", "Shirt")[i % 3] for i in range(count)] if labelled else None
    splits: list[Split] = ["test" if i % 5 == 4 else "train" for i in range(count)]
    return Corpus.from_arrays(pictures(count, seed), labels, splits, name=name, source={"corpus": name})


def kinds(count: int = 60, seed: int = 0) -> Pixels:
    """`(count, 8, 8)` uint8: three kinds of pictures in turn, each a pattern of its own under a little noise."""
    random = np.random.default_rng(seed)
    patterns = random.integers(60, 196, (3, SIZE, SIZE))
    noise = random.integers(-25, 26, (count, SIZE, SIZE))
    return np.array([patterns[i % 3] for i in range(count)] + noise, dtype=np.uint8)
