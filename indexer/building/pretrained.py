"""An index on a pretrained encoder: its whitening is fitted to the corpus, and what that had to see is not computed twice."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, CorpusError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepared_batches
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import preprocessing_of
from samekind.indexer.building.encoder_files import place_encoder
from samekind.indexer.search.opened import ImageEncoder
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.resolve import resolve_encoder
from samekind.training.models.whitening import directions_worth_keeping
from samekind.training.runtime.artefact import WEIGHTS, read_meta
from samekind.training.runtime.lock import exclusive

WHITENING = 0.5
DIRECTIONS = 256
SAMPLE = 5000
"""Images that the whitening is fitted to at most: four times as many as `lite0` has dimensions."""
_BATCH = 64


class RememberingEncoder:
    """An encoder that knows the features of images which it has seen before.

    Args:
        encoder: whose features are remembered.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._features: dict[bytes, NDArray[np.float32]] = {}

    @property
    def dim(self) -> int:
        """Dimension D of the embeddings."""
        return self.encoder.dim

    @property
    def spec(self) -> Any:
        """The encoder's own."""
        return self.encoder.spec

    @property
    def source(self) -> str:
        """The encoder's own."""
        return self.encoder.source

    @property
    def fingerprint(self) -> str:
        """The encoder's own."""
        return self.encoder.fingerprint

    def to_bytes(self) -> bytes:
        """The encoder's own."""
        return self.encoder.to_bytes()

    def learn(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, F)` float32 features of `(N, S, S, C)` uint8 images, which are remembered."""
        features = self.encoder.features(images)
        self._features.update(zip(map(_content, images), features, strict=True))
        return features

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, S, S, C)` uint8 to `(N, D)` float32 of unit norm."""
        keys = [_content(image) for image in images]
        features = np.empty((len(images), self.encoder.feature_dim), dtype=np.float32)
        unknown = np.array([key not in self._features for key in keys], dtype=bool)
        if unknown.any():
            features[unknown] = self.encoder.features(images[unknown])
        for row in np.flatnonzero(~unknown):
            features[row] = self._features[keys[row]]
        return self.encoder.embed_features(features)


def _content(image: Pixels) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()


def pretrained_encoder(
    name: str, corpus: Corpus, folder: Path, whitening: float, progress: Progress
) -> tuple[ImageEncoder, Encoder]:
    """The encoder of an index that is built on a pretrained model, in its folder when this returns.

    Args:
        name: as `resolve_encoder` takes it.
        corpus: what the whitening is fitted to, on a seeded sample of its training split and without its labels.
        folder: the artefact; if it holds this model already, with the whitening of its first corpus, that one is used.
        whitening: exponent in [0, 1]; 0 leaves the features as they are.
        progress: shows a bar.

    Returns:
        The encoder to build with, and the same without what it remembers.

    Raises:
        InputError, MissingDependencyError: `resolve_encoder` finds no such encoder.
        ArtefactError: the folder holds another encoder.
    """
    bare = resolve_encoder(name)
    with exclusive(folder):
        if (folder / WEIGHTS).is_file():
            placed = _placed(folder, bare, name)
            return placed, placed
        return _whitened(bare, corpus, folder, whitening, progress), bare


def _whitened(bare: Encoder, corpus: Corpus, folder: Path, whitening: float, progress: Progress) -> RememberingEncoder:
    """Fits the whitening of the bare encoder and puts it in the folder."""
    remembering = RememberingEncoder(bare)
    if whitening:
        features = _sampled_features(remembering, corpus, progress)
        bare.renew_whitening(directions_worth_keeping(DIRECTIONS, len(features)), features, whitening)
    place_encoder(remembering, corpus, folder)
    return remembering


def _placed(folder: Path, bare: Encoder, name: str) -> Encoder:
    """The encoder of the folder, if that is the bare one with a whitening."""
    placed = Encoder.load(folder)
    ours, theirs = bare.backbone.state_dict(), placed.backbone.state_dict()
    same = ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    if not same or read_meta(folder).get("config"):
        raise ArtefactError(
            f"{folder} holds another encoder than {name}",
            hint="choose another --out, or leave out --encoder to add to it",
        )
    return placed


def _sampled_features(encoder: RememberingEncoder, corpus: Corpus, progress: Progress) -> NDArray[np.float32]:
    train = np.flatnonzero(np.array([split == "train" for split in corpus.splits]))
    rows = train if len(train) else np.arange(len(corpus))
    rows = np.sort(np.random.default_rng(4).permutation(rows)[:SAMPLE])
    features = []
    with progress.task("Fitting the whitening", len(rows)) as task:
        for chosen, pixels in prepared_batches(
            corpus, preprocessing_of(encoder.spec), rows, _BATCH, skip_unreadable=True
        ):
            features.append(encoder.learn(pixels))
            task.advance(len(chosen))
    if not features:
        raise CorpusError(f"no image of {corpus.name} can be read", hint="check the folder")
    return np.concatenate(features)
