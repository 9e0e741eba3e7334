"""Images of a run: prepared training images, a hold-out that it never trains on, and labels that it only measures with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import CorpusError
from samekind.core.progress import Progress
from samekind.data.corpus import Corpus
from samekind.data.types.preprocessing import Preprocessing
from samekind.data.types.rows import ChosenRows, RowSource
from samekind.data.types.same_class import ANY
from samekind.training.config.data import NEAR_DUPLICATES, DataSettings
from samekind.training.hold_out import Groups, choose_groups, groups_by_name, hold_out_size, with_whole_files
from samekind.training.pixels import training_pixels

LARGEST_AUTOMATIC_SIZE = 64
_BLOCK = 256


@dataclass(frozen=True)
class TrainingImages:
    """Images of a run, `S` pixels a side: arrays, or where they are large, files that rows are read from.

    Attributes:
        corpus: the training images as a corpus, after `limit`.
        pixels: what the encoder takes: `(N, S, S, C)` uint8, or `(N, D)` float16 vectors where its backbone has run already.
        labels: `(N,)` class numbers, −1 where unknown; `None` without labels, and where a shared one of several is enough (`any`).
        fit: `(F,)` rows that the objective trains on.
        hold_out: `(H,)` rows kept away from it for the accuracy per epoch; empty without labels.
        mean, std: per channel over all pixels in [0, 1].
        views: `(N, K, D)` float16 vectors of K augmented views of each image; `None` where views are made of the pixels.
        described: `(F, D)` unit-norm float32 vectors of the images in training by the pretrained encoder that is trained further, as it
            was before; `None` for all others.
    """

    corpus: Corpus
    pixels: RowSource
    labels: NDArray[np.int64] | None
    fit: NDArray[np.int64]
    hold_out: NDArray[np.int64]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    views: RowSource | None = None
    described: NDArray[np.float32] | None = None

    @property
    def viewed(self) -> RowSource:
        """What views are made of: cached ones to choose from, or pixels to augment; one row an image."""
        return self.pixels if self.views is None else self.views

    @property
    def fit_pixels(self) -> ChosenRows:
        """`pixels` of the images in training, in the order of `fit`."""
        return ChosenRows(self.pixels, self.fit)

    @property
    def hashes(self) -> list[str]:
        """Content hash of each image that the objective trains on, in the order of `fit`."""
        return [self.corpus.sha256(row) for row in self.fit.tolist()]


def measured_labels(images: TrainingImages, settings: DataSettings) -> tuple[NDArray[np.int64] | None, list[str]]:
    """Labels that false negatives are counted by, at the run's level.

    Returns:
        `(F,)` class numbers of the images in training, −1 where unknown, `None` without labels; and the classes' names.
    """
    names = None if _excluding_labels(images.corpus) is None else images.corpus.labels_at(settings.label_level)
    classes = sorted({name for name in names or [] if name is not None})
    numbers = label_numbers(names, classes)
    return None if numbers is None else numbers[images.fit], classes


def measuring_order(images: TrainingImages, settings: DataSettings) -> NDArray[np.int64]:
    """Images in training (numbers of `fit`, 0 to F − 1) in the seeded order in which they are taken where not all can be measured."""
    return np.random.default_rng((settings.seed, 3)).permutation(len(images.fit))


def training_corpus(corpus: Corpus, settings: DataSettings) -> Corpus:
    """The corpus' training split, reduced to `settings.limit` images by a seeded choice.

    Raises:
        CorpusError: fewer than two training images.
    """
    train = corpus.split("train")
    if len(train) < 2:
        raise CorpusError(
            f"{corpus.name} has {len(train)} training images, at least 2 are needed",
            hint="add images, or check its splits",
        )
    if settings.limit is None or settings.limit >= len(train):
        return train
    chosen = np.random.default_rng((settings.seed, 1)).choice(len(train), settings.limit, replace=False)
    return train.subset(np.sort(chosen).tolist())


def default_preprocessing(corpus: Corpus, settings: DataSettings) -> Preprocessing:
    """Encoder input of a training from scratch: squashed to the configured size, or to the corpus' own up to 64 px."""
    return Preprocessing(settings.image_size or _automatic_size(corpus), corpus.channels)


def _automatic_size(corpus: Corpus) -> int:
    native = corpus.native_array
    if native is None:
        return LARGEST_AUTOMATIC_SIZE
    return min(LARGEST_AUTOMATIC_SIZE, int(max(native.shape[1:3])))


def load_training_images(
    corpus: Corpus, settings: DataSettings, progress: Progress, preprocessing: Preprocessing | None = None
) -> TrainingImages:
    """Decodes the training images once, into memory or into the cache, and sets a hold-out aside.

    Args:
        corpus: what `training_corpus` returned.
        settings: the run's.
        progress: shows a bar.
        preprocessing: of the encoder, if there is one already; `default_preprocessing` otherwise.

    Raises:
        ArtefactError: there is no room for them in the cache.
        ImageError: a file has become unreadable since the corpus was read.
    """
    pixels = training_pixels(corpus, preprocessing or default_preprocessing(corpus, settings), progress)
    labels, fit, hold_out = split_off_hold_out(corpus, settings)
    mean, std = _statistics(pixels)
    return TrainingImages(corpus, pixels, labels, fit, hold_out, mean, std)


def split_off_hold_out(
    corpus: Corpus, settings: DataSettings, near_duplicates: Callable[[], Groups] | None = None
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64], NDArray[np.int64]]:
    """Labels as numbers, and the rows that are trained on and held out, both ascending.

    Args:
        corpus: the training images.
        settings: the run's.
        near_duplicates: finds groups of them, where images can be held out by these; asked only then.
    """
    labels = label_numbers(_excluding_labels(corpus), corpus.classes)
    size = 0 if labels is None else hold_out_size(settings, len(corpus))
    if size == 0:
        return labels, np.arange(len(corpus)), np.empty(0, dtype=np.int64)
    if settings.hold_out_by == NEAR_DUPLICATES:
        assert near_duplicates is not None
        groups = with_whole_files(near_duplicates(), corpus)
    else:
        groups = groups_by_name(corpus, settings)
    hold_out = choose_groups(groups, size, settings.seed)
    return labels, np.setdiff1d(np.arange(len(corpus)), hold_out), hold_out


def _excluding_labels(corpus: Corpus) -> list[str | None] | None:
    """The labels if they are classes that exclude each other, which all that a training measures takes for granted; otherwise `None`."""
    return None if corpus.label_rule == ANY else corpus.labels


def _statistics(pixels: RowSource) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, from counts of the 256 values: exact, and no floating copy of the images."""
    value = np.arange(256) / 255
    counts = np.zeros((pixels.shape[-1], 256), dtype=np.int64)
    for start in range(0, len(pixels), _BLOCK):
        block = pixels[start : start + _BLOCK]
        for channel, count in enumerate(counts):
            count += np.bincount(block[..., channel].reshape(-1), minlength=256)
    means = [float(count @ value / count.sum()) for count in counts]
    variances = [float(count @ (value - mean) ** 2 / count.sum()) for count, mean in zip(counts, means, strict=True)]
    return tuple(means), tuple(max(variance**0.5, 1e-3) for variance in variances)


def label_numbers(labels: list[str | None] | None, classes: list[str]) -> NDArray[np.int64] | None:
    """Class names as numbers in the order of `classes`, −1 where unknown; `None` without labels."""
    if labels is None:
        return None
    number = {name: i for i, name in enumerate(classes)}
    return np.array([-1 if label is None else number.get(label, -1) for label in labels], dtype=np.int64)
