"""Makes the detector that a run asks for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from samekind.core.errors import CorpusError
from samekind.core.progress import Progress
from samekind.training.config.train_config import TrainConfig
from samekind.training.false_negatives.bag_of_patches import describe_patches
from samekind.training.false_negatives.detection_space import DETECTION_DIM
from samekind.training.false_negatives.detectors.base import Detector
from samekind.training.false_negatives.detectors.batch import Posterior, Quantile, RelativeMargin, Threshold
from samekind.training.false_negatives.detectors.combined import Combined
from samekind.training.false_negatives.detectors.pairs import Cluster, Guide, Oracle, Reciprocal, Relation, side_by_side
from samekind.training.false_negatives.guide import build_guide
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
    """The run's detector; `None` where nothing asks for one. `supervised` takes its positives from the oracle.

    Args:
        config: the run's settings.
        images: that it trains on.
        progress: shows bars.
        describe: gives the patches' descriptions where they have been made already.
        guide: if it has been built already.

    Raises:
        CorpusError: an oracle without labels.
        InputError, MissingDependencyError, ArtefactError: the guide cannot be had.
    """
    labels = None if images.labels is None else images.labels[images.fit]
    if config.objective == "supervised":
        if labels is None:
            raise CorpusError("supervised needs labels, and this corpus has none", hint="take another objective")
        return Oracle(labels)
    if config.treatment == "none":
        return None
    count, threshold = len(images.fit), config.detector_point
    describe = describe or (lambda: describe_patches(images.pixels[images.fit], seed=config.seed, progress=progress))
    k = max(1, round(config.neighbours * count))
    match config.detector:
        case "threshold":
            return Threshold(threshold)
        case "quantile":
            return Quantile(count, config.prior, threshold)
        case "posterior":
            return Posterior(config.prior, threshold=threshold)
        case "relative_margin":
            return RelativeMargin(threshold)
        case "cluster":
            return Cluster(count, max(2, round(1 / config.neighbours)), config.seed, threshold)
        case "guide":
            return guide or build_guide(config, images, threshold)
        case "oracle":
            return Oracle(labels)
        case "relation":
            return Relation(describe(), DETECTION_DIM, config.prior, threshold)
        case "combined":
            description = describe()
            if config.guide:
                guide = guide or build_guide(config, images, threshold)
                description = side_by_side(description, guide.embedding.numpy())
            return Combined(description, DETECTION_DIM, config.prior, threshold)
        case _:
            return Reciprocal(count, k, threshold)
