"""An index on a pretrained encoder: its whitening is fitted to the corpus, and what that had to see is not computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError, CorpusError, InputError, MissingDependencyError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.images import Pixels
from samekind.data.types.rows import StackedRows
from samekind.indexer.building.encoder_files import place_encoder
from samekind.indexer.building.engines.engine import Engine, Loaded, LocalEngine
from samekind.indexer.building.forecast import Forecast
from samekind.training.models.encoder import Encoder
from samekind.training.models.image_encoder import ImageEncoder
from samekind.training.models.pretrained.resolve import require_crops, resolve_encoder
from samekind.training.models.pretrained.text_weights import resolve_text_tower
from samekind.training.models.pretrained.whiten import ENOUGH, MOST_ROWS, NOT_SPLIT, TRAINING, whiten
from samekind.training.models.text_tower import TextTower
from samekind.training.runtime.artefact import WEIGHTS, read_meta
from samekind.training.runtime.lock import exclusive

KEPT = 10_000
"""Images whose features are kept until the index is there: 51 MB of those of `lite0`."""
_BATCH = 64
_NO_PIXELS: Pixels = np.empty(0, np.uint8)


class RememberingEncoder:
    """An encoder that knows images which it has seen before by their content: they are neither decoded again nor run through it.

    Args:
        encoder: whose features are remembered.
        forecast: of all images that it is going to see.

    Attributes:
        outgrown_at: training images from which on the whitening would be another one, if it was fitted to fewer.
    """

    def __init__(self, encoder: Encoder, forecast: Forecast) -> None:
        self.encoder, self.forecast = encoder, forecast
        self._seen: dict[str, Loaded] = {}
        self._embedded: list[NDArray[np.float32]] = []
        self.outgrown_at: int | None = None

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

    @property
    def whitens(self) -> bool:
        """True if a whitening was fitted."""
        return bool(self.encoder.whitening.mean.any())

    def to_bytes(self) -> bytes:
        """The encoder's own."""
        return self.encoder.to_bytes()

    def embed(self, images: Pixels) -> NDArray[np.float32]:
        """`(N, S, S, C)` uint8, or crops as `Encoder.embed` takes them, to `(N, D)` float32 of unit norm."""
        return self.encoder.embed(images)

    def learn(self, contents: Sequence[str], images: Sequence[Loaded]) -> NDArray[np.float32]:
        """`(N, F)` float32 features of images, which are remembered under the SHA-256 of their files."""
        there = [image.feature for image in images if image.feature is not None]
        features = np.stack(there) if there else self.encoder.features(StackedRows([image.pixels for image in images]))
        for content, image, feature in zip(contents, images, features, strict=True):
            self._seen[content] = replace(image, pixels=_NO_PIXELS, feature=feature)
        return features

    def recall(self, content: str) -> Loaded | None:
        """The image whose file has that SHA-256, if it has been seen."""
        return self._seen.get(content)

    def embed_loaded(self, images: Sequence[Loaded]) -> NDArray[np.float32]:
        """`(N, D)` float32 of unit norm, by the features that are remembered where there are any."""
        features = np.empty((len(images), self.encoder.feature_dim), dtype=np.float32)
        new = [row for row, image in enumerate(images) if image.feature is None]
        if new:
            features[new] = self.encoder.features(StackedRows([images[row].pixels for row in new]))
        for row, image in enumerate(images):
            if image.feature is not None:
                features[row] = image.feature
        self._embedded.extend(features[: max(0, KEPT - len(self._embedded))])
        return self.encoder.embed_features(features)

    @property
    def embedded(self) -> NDArray[np.float32]:
        """`(N, F)` features behind the rows that were embedded, in that order; of the first `KEPT` at most."""
        return np.array(self._embedded, dtype=np.float32).reshape(-1, self.encoder.feature_dim)


def pretrained_encoder(
    name: str,
    corpus: Corpus,
    folder: Path,
    whitening: float | None,
    progress: Progress,
    crops: int | None = None,
    engine: Engine | None = None,
) -> tuple[ImageEncoder, Encoder]:
    """The encoder of an index that is built on a pretrained model, in its folder when this returns.

    Args:
        name: as `resolve_encoder` takes it.
        corpus: what the whitening is fitted to, on a seeded sample of its training split (of all images if that is empty), without labels.
        folder: the artefact; if it holds this model already, with the whitening of its first corpus, that one is used.
        whitening: as `whiten` takes it. `None` stands for 0 where the model embeds text, too, since it was trained on those very cosines.
        progress: shows a bar, and says why text queries will be refused although the model is known to embed text.
        crops: of each image, 1 or 2; `None` takes those of the folder's encoder, and 1 where there is none.
        engine: looks at the images that the whitening is fitted to; this process if left out.

    Returns:
        The encoder to build with, and the same without what it remembers.

    Raises:
        InputError, MissingDependencyError: `resolve_encoder` finds no such encoder, or that of the folder takes another number of crops.
        ArtefactError: the folder holds another encoder.
    """
    bare = resolve_encoder(name, progress=progress, crops=crops)
    with exclusive(folder):
        if (folder / WEIGHTS).is_file():
            placed = _placed(folder, bare, name)
            require_crops(placed, crops, str(folder))
            if whitening is not None:
                progress.print(
                    f"{folder} holds its encoder already, which keeps its whitening (another --out gets a new one)"
                )
            return placed, placed
        text = _text_tower(name, bare, progress)
        exponent = 0.0 if whitening is None and text is not None else whitening
        remembering = _whitened(bare, corpus, exponent, progress, engine or LocalEngine())
        if text is not None:
            text.map_like(bare.whitening)
        place_encoder(remembering, corpus, folder, text)
        return remembering, bare


def _whitened(
    bare: Encoder, corpus: Corpus, exponent: float | None, progress: Progress, engine: Engine
) -> RememberingEncoder:
    """Fits the whitening of the bare encoder."""
    remembering = RememberingEncoder(bare, Forecast(len(corpus), progress))
    of = TRAINING if "train" in corpus.splits else NOT_SPLIT
    if exponent == 0:
        return remembering
    features = _sampled_features(remembering, corpus, progress, engine)
    if whiten(bare, features, exponent, progress, of):
        remembering.outgrown_at = ENOUGH
    return remembering


def _text_tower(name: str, bare: Encoder, progress: Progress) -> TextTower | None:
    """The model's text tower, if it can be used: images can be searched for without it."""
    try:
        text = resolve_text_tower(name)
        if text is None:
            return None
        _ = text.tokenizer
        if text.spec.embed_dim != bare.feature_dim:
            raise InputError(f"its images have {bare.feature_dim} dimensions, its texts {text.spec.embed_dim}")
        return text
    except (InputError, MissingDependencyError) as error:
        progress.print(f"text queries will be refused: {error}" + (f" ({error.hint})" if error.hint else ""))
        return None


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


def _sampled_features(
    encoder: RememberingEncoder, corpus: Corpus, progress: Progress, engine: Engine
) -> NDArray[np.float32]:
    train = np.flatnonzero(np.array([split == "train" for split in corpus.splits]))
    rows = train if len(train) else np.arange(len(corpus))
    rows = np.sort(np.random.default_rng(4).permutation(rows)[:MOST_ROWS])
    features = []
    encoder.forecast.start()
    with progress.task("Fitting the whitening", len(rows)) as task:
        looked_at = engine.look_at(corpus, encoder, rows.tolist(), _BATCH, recall=False)
        for batch, loaded in zip(np.split(rows, range(_BATCH, len(rows), _BATCH)), looked_at, strict=True):
            encoder.forecast.decoded()
            good = [
                (corpus.sha256(int(row)), image) for row, image in zip(batch, loaded, strict=True) if not image.failure
            ]
            if good:
                features.append(encoder.learn(*zip(*good, strict=True)))
            task.advance(len(batch))
            encoder.forecast.advance(sum(image.has_pixels for image in loaded))
    if not features:
        raise CorpusError(f"no image of {corpus.name} can be read", hint="check the folder")
    return np.concatenate(features)
