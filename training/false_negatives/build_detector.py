"""Construction of the detector that a run asks for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from samekind.core.errors import CorpusError
from samekind.core.progress import Progress
from samekind.data.types.same_class import ANY
from samekind.training.config.false_negatives import AUTO
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.bag_of_patches import describe_patches
from samekind.training.false_negatives.detection_space import detection_dim
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.batch import Posterior, Quantile, RelativeMargin, Threshold
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.detectors.neighbourhood import Neighbourhood
from samekind.training.false_negatives.detectors.pairs import Cluster, Guide, Oracle, Reciprocal, Relation, side_by_side
from samekind.training.false_negatives.guide import build_guide
from samekind.training.models.neighbour_whitening import fitting_neighbours
from samekind.training.models.whitening import WHITENING_ROWS
from samekind.training.training_set import TrainingImages

Describe = Callable[[], NDArray[np.float32]]


def build_detector(
    config: TrainConfig,
    images: TrainingImages,
    progress: Progress | None = None,
    *,
    describe: Describe | None = None,
    guide: Guide | None = None,
) -> Detector | None:
    """Builds the run's detector; `None` where nothing asks for one. `supervised` takes its positives from the oracle.

    Args:
        config: the run's settings; the prior is a number (`base_rate.estimate_prior`), if the detector reads it.
        images: those that it trains on.
        progress: shows bars.
        describe: returns the patches' descriptions where they have been computed already.
        guide: a guide that has been built already.

    Raises:
        CorpusError: an oracle on a corpus without labels, or of several labels of which a shared one is enough.
        InputError, MissingDependencyError, ArtefactError: the guide is unavailable.
    """
    labels = None if images.labels is None else images.labels[images.fit]
    if config.uses_labels and images.corpus.label_rule == ANY:
        raise CorpusError(
            "supervised and oracle take one class an image, and images here are of the same class if they share a label (any)",
            hint="take --several exact",
        )
    if config.objective == "supervised":
        if labels is None:
            raise CorpusError("supervised needs labels, and this corpus has none", hint="take another objective")
        return Oracle(labels)
    if config.treatment == "none":
        return None

    def descriptions() -> NDArray[np.float32]:
        if describe is not None:
            return describe()
        return describe_images(images, config.seed, progress)

    def second_encoder() -> Guide:
        return guide or build_guide(config, images, config.detector_point)

    if config.detector == "oracle":
        return Oracle(labels)
    return _without_labels(config, images, descriptions, second_encoder)


def describe_images(images: TrainingImages, seed: int, progress: Progress | None = None) -> NDArray[np.float32]:
    """`(F, G)` unit-norm descriptions of the images in training that do not depend on what is trained: by their patches or, where a frozen
    encoder has seen them, by its vectors, which say more.
    """
    if images.described is not None:
        return images.described
    if images.views is None:
        return describe_patches(images.fit_pixels, seed=seed, progress=progress)
    vectors: NDArray[np.float32] = images.fit_pixels[:].astype(np.float32)
    return vectors


def _without_labels(
    config: TrainConfig, images: TrainingImages, describe: Describe, guide: Callable[[], Guide]
) -> Detector:
    """Detector of this name for these training images; what it needs besides is made when it is asked for."""
    threshold, count = config.detector_point, len(images.fit)
    match config.detector:
        case "threshold":
            return Threshold(threshold)
        case "quantile":
            return Quantile(count, _prior(config), threshold)
        case "posterior":
            return Posterior(_prior(config), threshold=threshold)
        case "relative_margin":
            return RelativeMargin(threshold)
        case "cluster":
            return Cluster(count, max(2, round(1 / config.neighbours)), config.seed, threshold)
        case "guide":
            return guide()
        case "relation":
            return Relation(describe(), detection_dim(images), _prior(config), threshold)
        case "combined":
            description = describe()
            if config.guide:
                description = side_by_side(description, guide().embedding.numpy())
            return Combined(description, detection_dim(images), _prior(config), threshold)
        case "neighbourhood":
            description = describe()
            found = fitting_neighbours(torch.from_numpy(description[_some_rows(count)]))
            return Neighbourhood(description, found or max(1, round(config.neighbours * count)), threshold=threshold)
        case "reciprocal":
            return Reciprocal(count, max(1, round(config.neighbours * count)), threshold)
        case unknown:
            raise AssertionError(f"nothing builds the detector {unknown!r}")


def _prior(config: TrainConfig) -> float:
    assert config.prior != AUTO, "whoever builds a detector that reads the prior settles it first"
    return config.prior


def _some_rows(count: int) -> NDArray[np.int64]:
    """A seeded choice of rows, ascending: the first ones of a folder are its first classes."""
    return np.sort(np.random.default_rng(8).permutation(count)[:WHITENING_ROWS])
