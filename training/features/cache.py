"""Features of images and of their augmented views under a frozen backbone, on disk: the slow part of training an adapter, done once.

One float16 array `(N, 1 + K, F)` a corpus, encoder and policy: the plain image first, then its K views. Its name is the digest of all that
decides its content, so that runs share it, and another encoder, policy or image is another file.
"""

# N images, K augmented views of each, F dimensions of a feature

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from samekind.core.progress import Progress
from samekind.core.text import counted
from samekind.data.corpus import Corpus
from samekind.data.prepared import prepared_batches
from samekind.data.types.images import Pixels
from samekind.data.types.preprocessing import PILLOW, preprocessing_of
from samekind.data.views.policies import AugmentationPolicy
from samekind.data.views.two_view import TwoViewTransform
from samekind.training.models.encoder import Encoder
from samekind.training.runtime.array_file import ArrayFile
from samekind.training.runtime.rows_on_disk import RowsOnDisk

_FORMAT = 2  # of the file, and of our own way from an image to views
_IMAGES = 16  # between two marks of progress
_FORWARD = 48  # inputs of a forward pass: more need memory and are no faster


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
    def array(self) -> ArrayFile:
        """Where the features are, or will be."""
        what = f"features of {counted(len(self.corpus), 'image')} and {self.views} augmented views of each"
        return ArrayFile(
            "features", self._digest(), self.shape, "float16", what, hint="take fewer --views or a --limit"
        )

    def features(self, progress: Progress) -> RowsOnDisk:
        """The features, computed as far as they are not on disk yet.

        Args:
            progress: shows a bar, and says where the features are and how large.

        Returns:
            `(N, 1 + K, F)` float16: the plain image, then its views.

        Raises:
            ArtefactError: the disk is too full for them, or the limit of the cache too low.
            ImageError: an image has become unreadable since the corpus was read.
        """
        return self.array.rows(self._computed, "Computing features", progress)

    def _computed(self, start: int) -> Iterator[NDArray[np.float32]]:
        """`(B, 1 + K, F)` from an image on."""
        spec = self.encoder.spec
        transform = TwoViewTransform(spec.image_size, spec.channels, self.policy)
        rows = np.arange(start, len(self.corpus))
        for batch, pixels in prepared_batches(self.corpus, preprocessing_of(spec), rows, _IMAGES):
            seen = _with_views(pixels, transform, self.views, (self.seed, 7, int(batch[0])))
            features = self.encoder.features(seen.reshape(-1, *seen.shape[2:]), _FORWARD).reshape(*seen.shape[:2], -1)
            plain = features[:, : spec.crops].mean(1, keepdims=True)
            yield np.concatenate([plain, features[:, spec.crops :]], axis=1)

    def _digest(self) -> str:
        spec = {**asdict(self.encoder.spec), "dim": 0, "adapter": 0}
        if spec["crops"] == 1:  # as caches were named before there were more
            del spec["crops"]
        if spec["resize"] == PILLOW:
            del spec["resize"]
        made_by = [_FORMAT, version("albumentations"), version("pillow")]  # other releases of these make other pixels
        settings = [spec, asdict(self.policy), self.views, self.seed, made_by]
        digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
        for name, tensor in self.encoder.backbone.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        for row in range(len(self.corpus)):
            digest.update(self.corpus.sha256(row).encode())
        digest.update(self.corpus.reading.key)
        return digest.hexdigest()[:32]


def _with_views(pixels: Pixels, transform: TwoViewTransform, views: int, seed: tuple[int, ...]) -> Pixels:
    """`(B, V + K, S, S, C)`: the V crops of each image, then views of its first."""
    crops = pixels if pixels.ndim == 5 else pixels[:, None]
    pairs = [view for pair in range((views + 1) // 2) for view in transform.batch(crops[:, 0], (*seed, pair))]
    return np.concatenate([crops, *(view[:, None] for view in pairs[:views])], axis=1)
