"""Features of images and of their augmented views under a frozen backbone, on disk: the slow part of training an adapter, done once.

One float16 file `(N, 1 + K, F)` a corpus, encoder and policy, memory-mapped: the plain image first, then its K views. Its name is the
digest of everything that decides its content, so that runs share it, and another encoder, policy or image is another file. Rows are
computed in order and counted in a file beside it; whoever is interrupted continues at the next batch.
"""

# N images, K augmented views of each, F dimensions of a feature

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from samekind.core.errors import ArtefactError
from samekind.core.progress import Progress
from samekind.core.text import counted
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepared_batches
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import preprocessing_of
from samekind.data.views.policies import AugmentationPolicy
from samekind.data.views.two_view import TwoViewTransform
from samekind.training.models.encoder import Encoder
from samekind.training.runtime.artefact import write_atomically
from samekind.training.runtime.lock import exclusive

Features = NDArray[np.float16]

_PATIENCE = 24 * 3600.0  # seconds to wait for another run that computes the same
_FORMAT = 1  # of the file, and of our own way from an image to views
_IMAGES = 16  # between two marks of progress
_FORWARD = 48  # inputs of a forward pass: more need memory and are no faster


def cache_folder() -> Path:
    """The user's folder of cached features; deleting it costs nothing but time."""
    return Path(platformdirs.user_cache_dir("samekind")) / "features"


@dataclass(frozen=True)
class FeatureCache:
    """Features of every image of a corpus and of some augmented views of it.

    Args:
        encoder: whose backbone looks; its whitening and adapter do not matter.
        corpus: the images.
        policy: of the views.
        views: K ≥ 2.
        seed: of the views.
    """

    encoder: Encoder
    corpus: Corpus
    policy: AugmentationPolicy
    views: int
    seed: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """N, 1 + K, F."""
        return len(self.corpus), 1 + self.views, self.encoder.feature_dim

    @cached_property
    def file(self) -> Path:
        """Where the features are, or will be."""
        return cache_folder() / f"{self._digest()}.f16"

    def features(self, progress: Progress) -> Features:
        """The features, computed as far as they are not on disk yet.

        Args:
            progress: shows a bar, and says where the features are and how large.

        Returns:
            `(N, 1 + K, F)` float16, memory-mapped for reading: the plain image, then its views.

        Raises:
            ArtefactError: the disk is too full for them.
            ImageError: an image has become unreadable since the corpus was read.
        """
        if self._done() < len(self.corpus):
            with exclusive(self.file.parent, f"{self.file.stem}.lock", _PATIENCE):  # other runs may want the same
                self._complete(progress)
        return np.memmap(self.file, np.float16, "r", shape=self.shape)

    def _complete(self, progress: Progress) -> None:
        """Computes what is missing by now; the caller holds the lock."""
        done = self._done()
        if done < len(self.corpus):
            self._make_room()
            what = f"{counted(len(self.corpus), 'image')} and {self.views} augmented views of each"
            progress.print(f"features of {what}, computed once: {self._size()} in {self.file}")
            self._compute(done, progress)

    def _compute(self, done: int, progress: Progress) -> None:
        spec, count = self.encoder.spec, len(self.corpus)
        transform = TwoViewTransform(spec.image_size, spec.channels, self.policy)
        stored = np.memmap(self.file, np.float16, "r+", shape=self.shape)
        with progress.task("Computing features", count) as task:
            task.advance(done)
            for rows, pixels in prepared_batches(self.corpus, preprocessing_of(spec), np.arange(done, count), _IMAGES):
                seen = _with_views(pixels, transform, self.views, (self.seed, 7, done))
                stored[rows] = self.encoder.features(seen, _FORWARD).reshape(len(rows), *self.shape[1:])
                stored.flush()
                done += len(rows)
                write_atomically(self._mark, json.dumps({"done": done}).encode())
                task.advance(len(rows))

    def _digest(self) -> str:
        spec = {**asdict(self.encoder.spec), "dim": 0, "adapter": 0}
        made_by = [_FORMAT, version("albumentations"), version("pillow")]  # other releases of these make other pixels
        settings = [spec, asdict(self.policy), self.views, self.seed, made_by]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for name, tensor in self.encoder.backbone.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        for row in range(len(self.corpus)):
            digest.update(self.corpus.sha256(row).encode())
        return digest.hexdigest()[:32]

    @property
    def _mark(self) -> Path:
        return self.file.with_suffix(".json")

    @property
    def _bytes(self) -> int:
        return 2 * math.prod(self.shape)

    def _size(self) -> str:
        return f"{self._bytes / 1e6:,.0f} MB"

    def _is_allocated(self) -> bool:
        return self.file.is_file() and self.file.stat().st_size == self._bytes

    def _done(self) -> int:
        """Number of images whose features are on disk."""
        try:
            return int(json.loads(self._mark.read_text())["done"]) if self._is_allocated() else 0
        except (OSError, ValueError, KeyError):
            return 0

    def _no_room(self) -> ArtefactError:
        return ArtefactError(
            f"features of {len(self.corpus):,} images take {self._size()}, more than is free in {self.file.parent}",
            hint="make room there, or take fewer --views or a --limit",
        )

    def _make_room(self) -> None:
        """Makes the file in its full size, if it is not there yet."""
        if self._is_allocated():
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.file.parent).free < self._bytes:
            raise self._no_room()
        self._mark.unlink(missing_ok=True)
        try:
            with self.file.open(
                "wb"
            ) as stream:  # in full: writing into the hole of a sparse file on a full disk kills the process
                _allocate(stream.fileno(), self._bytes)
        except OSError as error:
            self.file.unlink(missing_ok=True)
            raise self._no_room() from error


def _with_views(pixels: Pixels, transform: TwoViewTransform, views: int, seed: tuple[int, ...]) -> Pixels:
    """`(B · (1 + K), S, S, C)`: each image, then its views."""
    pairs = [view for pair in range((views + 1) // 2) for view in transform.batch(pixels, (*seed, pair))]
    return np.stack([pixels, *pairs[:views]], axis=1).reshape(-1, *pixels.shape[1:])


def _allocate(file: int, size: int) -> None:
    """Makes an open file that long, its blocks taken where the system can take them beforehand."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
    else:
        os.ftruncate(file, size)
