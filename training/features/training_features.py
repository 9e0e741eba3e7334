"""Images of a run that trains an adapter: vectors of a frozen encoder in place of pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.rows import ChosenColumns, RowSource
from samekind.data.views.policies import policy_for
from samekind.training.config.train_config import TrainConfig
from samekind.training.features.cache import FeatureCache
from samekind.training.models.encoder import Encoder
from samekind.training.models.pretrained.whiten import MOST_ROWS, whiten
from samekind.training.models.whitening import whitened
from samekind.training.neighbours import neighbour_groups
from samekind.training.runtime.array_file import ArrayFile, fits_in_memory
from samekind.training.runtime.artefact import write_atomically
from samekind.training.training_set import TrainingImages, split_off_hold_out

_VIEW_SEED = 0  # the same views for every seed of a training: they are the slow part
_BLOCK = 1024
CANDIDATES, ALIKE = 5, 0.8
"""Nearest neighbours that may be near duplicates, and the least cosine of one, as where they are listed
(`indexer.curation.near_duplicates`); measured in docs/decisions/0020.
"""


class Turn(Protocol):
    """Turns the whitened space of an encoder before anything is trained in it, once for its key and the images in training."""

    key: str

    def turn(
        self, encoder: Encoder, vectors: Callable[[], NDArray[np.float32]], hashes: Sequence[str], file: Path
    ) -> None:
        """Changes the encoder's whitening and keeps it in the file, or takes the one that is there."""
        ...


def load_training_features(
    corpus: Corpus, config: TrainConfig, encoder: Encoder, progress: Progress, turn: Turn | None = None
) -> TrainingImages:
    """Looks at the training images and their views through the frozen backbone, as far as a cache has not, and whitens what it sees.

    Args:
        corpus: what `training_corpus` returned.
        config: the run's settings.
        encoder: a pretrained one. It gets its whitening here, fitted to the images in training; one with an adapter keeps its own.
        progress: shows a bar.
        turn: of the whitened space, if there is one.

    Returns:
        The training images; `pixels` are `(N, D)` float16 vectors of unit norm, before the adapter, and `views` those of their views.
    """
    policy = policy_for(corpus.name, encoder.spec.channels, config.strength)
    cache = FeatureCache(encoder, corpus, policy, config.views, _VIEW_SEED)
    features = cache.features(progress)
    labels, fit, hold_out = split_off_hold_out(
        corpus, config, partial(_near_duplicates, features, cache.array.entry.file)
    )
    if encoder.adapter is None:
        rows = np.sort(np.random.default_rng((config.seed, 4)).permutation(fit)[:MOST_ROWS])
        whitening = _whitening_file(cache.array.entry.file, rows, config.whitening)
        _whiten_once(encoder, features, rows, config.whitening, whitening, progress)
        if turn is not None:
            chosen = hashlib.sha256(fit.tobytes()).hexdigest()[:16]
            turn.turn(
                encoder,
                lambda: _embedded(encoder, features, fit),
                [corpus.sha256(row) for row in fit.tolist()],
                whitening.with_name(f"{whitening.stem}-{chosen}-{turn.key}.start"),
            )
    vectors = _whitened(encoder, cache.array, features, progress)
    images, views = ChosenColumns(vectors, 0), ChosenColumns(vectors, slice(1, None))
    mean, std = encoder.spec.mean, encoder.spec.std
    return TrainingImages(corpus, images, labels, fit, hold_out, mean, std, views)


def _near_duplicates(features: RowSource, beside: Path) -> NDArray[np.int64]:
    """`(N,)` groups of images that the backbone finds near each other, found once: a run that resumes must hold out the same ones.

    Seed and whitening of a run do not matter, so that runs which differ in these draw from the same groups.
    """
    file = beside.with_name(f"{beside.stem}-near-duplicates.groups")
    if not file.is_file():
        blocks = (features[first : first + _BLOCK][:, 0] for first in range(0, len(features), _BLOCK))
        unit = torch.cat([torch.nn.functional.normalize(torch.from_numpy(block).float(), dim=1) for block in blocks])
        groups = neighbour_groups(unit, CANDIDATES, ALIKE)
        write_atomically(file, safetensors.numpy.save({"groups": groups}))
    return safetensors.numpy.load(file.read_bytes())["groups"]


def _whitening_file(beside: Path, rows: NDArray[np.int64], exponent: float | None) -> Path:
    """Where the whitening that is fitted to these rows is kept."""
    asked = hashlib.sha256(repr(exponent).encode() + rows.tobytes()).hexdigest()[:16]
    return beside.with_name(f"{beside.stem}-{asked}.whitening")


def _whiten_once(
    encoder: Encoder,
    features: RowSource,
    rows: NDArray[np.int64],
    exponent: float | None,
    file: Path,
    progress: Progress,
) -> None:
    """Fits the whitening, or takes the one that was fitted to these rows before: an adapter that resumes must find the axes that it was
    trained on, which an eigensolver may turn or mirror with another number of threads.
    """
    if not file.is_file():
        whiten(encoder, features[rows][:, 0].astype(np.float32), exponent, progress)
        write_atomically(file, safetensors.torch.save(encoder.whitening.state_dict()))
        return
    kept = safetensors.torch.load(file.read_bytes())
    encoder.renew_whitening(kept["matrix"].shape[1])
    encoder.whitening.load_state_dict(kept)


def _embedded(encoder: Encoder, features: RowSource, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """`(R, D)` unit vectors of some images, without their views."""
    blocks = (features[rows[first : first + _BLOCK]][:, 0] for first in range(0, len(rows), _BLOCK))
    return np.concatenate([encoder.embed_features(block.astype(np.float32)) for block in blocks])


def _whitened(encoder: Encoder, behind: ArrayFile, features: RowSource, progress: Progress) -> RowSource:
    """`(N, 1 + K, D)` float16 unit-norm vectors of the features of that file; in memory if they are few."""
    shape = (*behind.shape[:2], encoder.dim)

    def compute(start: int) -> Iterator[NDArray[np.float16]]:
        for first in range(start, len(features), _BLOCK):
            block = features[first : first + _BLOCK].astype(np.float32)
            unit = whitened(encoder.whitening, block.reshape(-1, block.shape[2]))
            yield unit.reshape(*block.shape[:2], -1).astype(np.float16)

    if fits_in_memory(shape, "float16"):
        vectors = np.empty(shape, dtype=np.float16)
        for number, block in enumerate(compute(0)):
            vectors[number * _BLOCK : number * _BLOCK + len(block)] = block
        return vectors
    what = behind.what.replace("features", "whitened features", 1)
    file = ArrayFile("vectors", _digest(encoder, behind), shape, "float16", what, behind.hint)
    return file.rows(compute, "Whitening features", progress)


def _digest(encoder: Encoder, behind: ArrayFile) -> str:
    whitening = safetensors.torch.save(encoder.whitening.state_dict())
    return hashlib.sha256(behind.digest.encode() + whitening).hexdigest()[:32]
